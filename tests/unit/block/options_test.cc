// Copies of options are whole and of their own.
#include "block/options.h"

#include "check.h"

namespace fusebay::test {

TEST(ADefinitionIsCopiedWithWhatItDefines) {
  BlockdevOptions options;
  options.driver = "qcow2";
  options.node_name = "q";
  options.detect_zeroes = DetectZeroes::kUnmap;
  Qcow2Options own;
  own.file.definition = std::make_unique<BlockdevOptions>();
  own.file.definition->driver_options =
      FileOptions{.filename = "f", .aio = EngineKind::kThreads, .locking = OnOffAuto::kOff};
  own.backing.node_name = "b";
  own.caches.l2_cache_size = 4096;
  options.driver_options = std::move(own);

  const BlockdevOptions copy = CopyOf(options);
  options.driver_options = std::monostate();
  const auto& same = std::get<Qcow2Options>(copy.driver_options);
  const auto& file = std::get<FileOptions>(same.file.definition->driver_options);
  CHECK_EQ(copy.node_name, "q");
  CHECK(copy.detect_zeroes == DetectZeroes::kUnmap);
  CHECK_EQ(same.backing.node_name, "b");
  CHECK_EQ(*same.caches.l2_cache_size, 4096u);
  CHECK_EQ(file.filename, "f");
  CHECK(file.locking == OnOffAuto::kOff);
}

TEST(OptionsWithoutChildrenAreCopied) {
  BlockdevOptions options;
  options.cache.direct = true;
  options.driver_options = MemoryOptions{.size = 7};
  const BlockdevOptions copy = CopyOf(options);
  CHECK(copy.cache.direct);
  CHECK_EQ(std::get<MemoryOptions>(copy.driver_options).size, 7u);
}

}  // namespace fusebay::test
