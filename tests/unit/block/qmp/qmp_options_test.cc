// Tests of the conversion of a node's options.
#include "block/qmp_block.h"
#include "check.h"
#include "qapi/json_stream.h"

namespace fusebay::test {
namespace {

Result<BlockdevOptions, Error> Convert(std::string_view text) {
  Result<qapi::JsonValue, Error> value = qapi::ParseJson(text);
  CHECK_OK(value);
  Result<qapi::BlockdevOptions, Error> options = qapi::FromJson<qapi::BlockdevOptions>(*value);
  CHECK_OK(options);
  return ToBlockdevOptions(*options);
}

BlockdevOptions Good(std::string_view text) {
  Result<BlockdevOptions, Error> options = Convert(text);
  CHECK_OK(options);
  return std::move(*options);
}

template <class T>
const T& Own(const BlockdevOptions& options) {
  const T* const own = std::get_if<T>(&options.driver_options);
  CHECK(own != nullptr);
  return *own;
}

TEST(AFileHasWhatItsOptionsSay) {
  const BlockdevOptions options = Good(
      "{'driver': 'file', 'node-name': 'f', 'filename': 'a', 'aio': 'native', 'locking': 'off',"
      " 'cache': {'direct': true, 'no-flush': true}, 'discard': 'unmap', 'read-only': true}");
  CHECK_EQ(options.driver, std::string("file"));
  CHECK_EQ(options.node_name, std::string("f"));
  CHECK(options.read_only && options.discard_unmap);
  CHECK(options.cache.direct && options.cache.no_flush);
  CHECK_EQ(Own<FileOptions>(options).filename, std::string("a"));
  CHECK(Own<FileOptions>(options).aio == EngineKind::kNative);
  CHECK(Own<FileOptions>(options).locking == OnOffAuto::kOff);
}

TEST(WhatIsNotSaidHasItsDefault) {
  const BlockdevOptions options = Good("{'driver': 'host_device', 'filename': 'a'}");
  CHECK_EQ(options.driver, std::string("host_device"));
  CHECK(!options.read_only && !options.auto_read_only && !options.discard_unmap);
  CHECK(!options.cache.direct && !options.cache.no_flush);
  CHECK(!Own<FileOptions>(options).aio.has_value());
  CHECK(Own<FileOptions>(options).locking == OnOffAuto::kAuto);
}

TEST(ADefinedChildInherits) {
  const BlockdevOptions options = Good(
      "{'driver': 'raw', 'read-only': true, 'cache': {'direct': true},"
      " 'file': {'driver': 'file', 'filename': 'a', 'cache': {'no-flush': true}}}");
  const BlockdevOptions& file = *Own<RawOptions>(options).file.definition;
  CHECK(file.read_only && file.discard_unmap);
  CHECK(file.cache.direct && file.cache.no_flush);
}

TEST(AChildsOwnWordCounts) {
  const BlockdevOptions options = Good(
      "{'driver': 'raw', 'read-only': true, 'cache': {'direct': true}, 'file': {'driver':"
      " 'file', 'filename': 'a', 'cache': {'direct': false}, 'read-only': false,"
      " 'discard': 'ignore'}}");
  const BlockdevOptions& file = *Own<RawOptions>(options).file.definition;
  CHECK(!file.read_only && !file.discard_unmap && !file.cache.direct);
}

TEST(ABackingDefinitionIsReadOnlyWithItsFile) {
  const BlockdevOptions options = Good(
      "{'driver': 'qcow2', 'file': 'f', 'backing': {'driver': 'qcow2', 'file': {'driver':"
      " 'file', 'filename': 'b'}}}");
  CHECK(!options.read_only);
  const BlockdevOptions& backing = *Own<Qcow2Options>(options).backing.definition;
  CHECK(backing.read_only);
  CHECK(Own<Qcow2Options>(backing).file.definition->read_only);
}

TEST(NullAndAnEmptyNameMeanNoBacking) {
  for (const char* const backing : {"null", "''"}) {
    const BlockdevOptions options =
        Good(std::string("{'driver': 'qcow2', 'file': 'f', 'backing': ") + backing + "}");
    CHECK(Own<Qcow2Options>(options).no_backing);
    CHECK(Own<Qcow2Options>(options).backing.empty());
  }
  CHECK(!Own<Qcow2Options>(Good("{'driver': 'qcow2', 'file': 'f'}")).no_backing);
}

TEST(AnImageHasCachesAndADataFile) {
  const BlockdevOptions options = Good(
      "{'driver': 'qcow2', 'file': 'f', 'backing': 'b', 'data-file': 'd',"
      " 'l2-cache-size': 65536, 'refcount-cache-size': 131072}");
  const Qcow2Options& qcow2 = Own<Qcow2Options>(options);
  CHECK_EQ(qcow2.file.node_name, std::string("f"));
  CHECK_EQ(qcow2.backing.node_name, std::string("b"));
  CHECK_EQ(qcow2.data_file.node_name, std::string("d"));
  CHECK_EQ(*qcow2.caches.l2_cache_size, 65536u);
  CHECK_EQ(*qcow2.caches.refcount_cache_size, 131072u);
}

TEST(AFilterHasAFile) {
  const BlockdevOptions options =
      Good("{'driver': 'compress', 'file': {'driver': 'qcow2', 'file': 'f'}}");
  CHECK_EQ(Own<CompressOptions>(options).file.definition->driver, std::string("qcow2"));
}

TEST(ANullDiskLeavesBuffersAloneUnlessAskedOtherwise) {
  const BlockdevOptions silent = Good("{'driver': 'null-co'}");
  CHECK_EQ(Own<NullOptions>(silent).size, std::uint64_t{1} << 30);
  CHECK(!Own<NullOptions>(silent).read_zeroes);
  const BlockdevOptions said =
      Good("{'driver': 'null-co', 'size': 5, 'latency-ns': 7, 'read-zeroes': true}");
  CHECK_EQ(Own<NullOptions>(said).size, 5u);
  CHECK_EQ(Own<NullOptions>(said).latency_ns, 7u);
  CHECK(Own<NullOptions>(said).read_zeroes);
}

TEST(NegativeSizesAreRefusedByName) {
  const auto expect = [](std::string_view text, const std::string& name) {
    CHECK_MESSAGE(Convert(text),
                  "Parameter '" + name + "' expects a non-negative number below 2^64");
  };
  expect("{'driver': 'null-co', 'size': -1}", "size");
  expect("{'driver': 'raw', 'file': 'f', 'offset': -1}", "offset");
  expect("{'driver': 'raw', 'file': 'f', 'size': -1}", "size");
  expect("{'driver': 'qcow2', 'file': 'f', 'l2-cache-size': -1}", "l2-cache-size");
  expect("{'driver': 'qcow2', 'file': 'f', 'refcount-cache-size': -1}", "refcount-cache-size");
}

TEST(AnEmptyNameAndAnEndlessLatencyAreRefused) {
  CHECK_MESSAGE(Convert("{'driver': 'null-co', 'node-name': ''}"), "Invalid node-name: ''");
  CHECK_MESSAGE(Convert("{'driver': 'null-co', 'latency-ns': 18446744073709551615}"),
                "latency-ns is invalid");
}

TEST(ZeroesAreLookedForWhereThatIsAskedFor) {
  const BlockdevOptions options =
      Good("{'driver': 'null-co', 'detect-zeroes': 'unmap', 'discard': 'unmap'}");
  CHECK(options.detect_zeroes == DetectZeroes::kUnmap);
  CHECK(Good("{'driver': 'null-co'}").detect_zeroes == DetectZeroes::kOff);
}

TEST(DefinitionsInDefinitionsHaveALimit) {
  std::string text = "{'driver': 'null-co'}";
  for (int i = 0; i < 403; ++i) {
    text = "{'driver': 'raw', 'file': " + text + "}";
  }
  CHECK(!Convert(text).ok());
}

}  // namespace
}  // namespace fusebay::test
