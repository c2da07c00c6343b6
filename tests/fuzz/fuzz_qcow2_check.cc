// Fuzzes the check of a qcow2 image and its repair: the input is an image, of which a copy in
// memory is checked, repaired, and checked again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "block/block_graph.h"
#include "fuzz_image.h"
#include "qcow2/qcow2_check.h"

using namespace fusebay;

namespace {

constexpr std::uint64_t kMaxFileBytes = 64 << 20;

// Messages are made, and dropped.
class Listener : public CheckObserver {
 public:
  void OnMessage(std::string_view line) override { FB_ASSERT(!line.empty()); }
  void OnProgress(std::uint64_t done_bytes, std::uint64_t total_bytes) override {
    FB_ASSERT(done_bytes <= total_bytes);
  }
  void OnRepaired(const CheckResult&) override {}
};

Result<CheckResult, Error> Check(const BlockRef& file, CheckFix fix) {
  Listener listener;
  auto result = Loop().RunUntilDone(qcow2::CheckQcow2(file, "fuzz", fix, listener));
  FB_ASSERT(result.ok() || result.error().message.find("fuzz") != std::string::npos);
  return result;
}

void CheckAndRepair(BlockGraph& graph, ByteSpan input) {
  auto owned = std::make_unique<FuzzFile>(input, kMaxFileBytes);
  const FuzzFile& copy = *owned;
  FB_ASSERT(graph.Add(std::move(owned)).ok());
  const PermissionSet all{kPermConsistentRead | kPermWrite | kPermResize, kPermAll};
  const auto file = graph.Use("file", all, "the fuzzer");
  FB_ASSERT(file.ok());
  const auto before = Check(*file, CheckFix::kNone);
  FB_ASSERT(copy.Is(input));
  const bool leaks_first = !input.empty() && std::to_integer<unsigned>(input.back()) % 2 == 1;
  if (leaks_first) {
    static_cast<void>(Check(*file, CheckFix::kLeaks));
  }
  const auto repaired = Check(*file, CheckFix::kAll);
  const auto after = Check(*file, CheckFix::kNone);
  if (repaired.ok()) {
    FB_ASSERT(after.ok());
    FB_ASSERT(after->corruptions == repaired->corruptions && after->leaks == repaired->leaks);
  }
  FB_ASSERT(!before.ok() || !before->clean() || repaired.ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  BlockGraph graph;
  CheckAndRepair(graph, std::as_bytes(std::span(data, size)));
  FB_ASSERT(Loop().RunUntilDone(graph.CloseAll()).ok());
  return 0;
}
