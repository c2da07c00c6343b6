// The header that is written is the one that is parsed again.
#include "qcow2/qcow2_header_write.h"

#include "check.h"

namespace fusebay::qcow2 {
namespace {

Header Small() {
  Header header;
  header.version = 3;
  header.cluster_bits = 12;
  header.size = 1 * kMiB;
  header.refcount_order = 4;
  header.l1_entries = 1;
  header.l1_offset = 0x3000;
  header.refcount_table_offset = 0x1000;
  header.refcount_table_clusters = 1;
  return header;
}

Header Again(const Header& header) {
  const auto bytes = EncodeHeader(header);
  CHECK_OK(bytes);
  CHECK_EQ(bytes->size(), header.cluster_size());
  auto parsed = ParseHeader(*bytes, 1 * kMiB, "disk.qcow2");
  CHECK_OK(parsed);
  return *parsed;
}

TEST(TheFixedFieldsComeBack) {
  const Header again = Again(Small());
  CHECK_EQ(again.version, 3u);
  CHECK_EQ(again.size, 1 * kMiB);
  CHECK_EQ(again.l1_offset, 0x3000u);
  CHECK_EQ(again.refcount_table_offset, 0x1000u);
  CHECK_EQ(again.header_length, kHeaderLengthV3);
}

TEST(Version2HasAShortHeader) {
  Header header = Small();
  header.version = 2;
  CHECK_EQ(Again(header).header_length, kHeaderLengthV2);
}

TEST(NamesComeBack) {
  Header header = Small();
  header.incompatible |= kIncompatibleDataFile;
  header.backing_name = "base.img";
  header.backing_format = "raw";
  header.data_file_name = "data.raw";
  const Header again = Again(header);
  CHECK_EQ(again.backing_name, "base.img");
  CHECK_EQ(again.backing_format, "raw");
  CHECK_EQ(again.data_file_name, "data.raw");
}

TEST(WhatIsUnknownIsKept) {
  Header header = Small();
  header.unknown_fields.assign(8, std::byte{7});
  header.unknown_extensions.push_back({0x12345678, {std::byte{1}, std::byte{2}, std::byte{3}}});
  const Header again = Again(header);
  CHECK_EQ(again.header_length, kHeaderLengthV3 + 8);
  CHECK(again.unknown_fields == header.unknown_fields);
  CHECK_EQ(again.unknown_extensions.size(), 1u);
  CHECK(again.unknown_extensions[0].data == header.unknown_extensions[0].data);
}

TEST(LargeClustersHaveFeatureNames) {
  Header header = Small();
  CHECK(FeatureNamesFor(header).empty());
  header.cluster_bits = 16;
  header.refcount_table_offset = 0x10000;
  header.l1_offset = 0x30000;
  header.feature_names = FeatureNamesFor(header);
  CHECK_EQ(Again(header).feature_names.size(), header.feature_names.size());
}

TEST(TooLongNamesAreRefused) {
  Header header = Small();
  header.backing_name.assign(1024, 'x');
  CHECK_MESSAGE(EncodeHeader(header), "Backing file name too long");
  header.backing_name.assign(500, 'x');
  header.cluster_bits = 9;
  CHECK_MESSAGE(EncodeHeader(header), "more than one cluster");
}

}  // namespace
}  // namespace fusebay::qcow2
