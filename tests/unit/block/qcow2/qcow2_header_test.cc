// The header parser: what it takes out of good headers, and how it refuses bad ones.
#include "qcow2/qcow2_header.h"

#include <functional>

#include "check.h"
#include "image_builder.h"

namespace fusebay::qcow2 {
namespace {

using test::FeatureRecord;
using test::ImageBuilder;

Result<Header, Error> Parse(const ImageBuilder& image) {
  const ByteSpan bytes(image.bytes());
  return ParseHeader(bytes.first(std::min<std::size_t>(bytes.size(), HeaderBytes(bytes))),
                     bytes.size(), "disk.qcow2");
}

ImageBuilder Small() { return ImageBuilder({.cluster_bits = 12}); }

TEST(Version3IsParsed) {
  const auto header = Parse(ImageBuilder());
  CHECK_OK(header);
  CHECK_EQ(header->version, 3u);
  CHECK_EQ(header->cluster_size(), 65536u);
  CHECK_EQ(header->size, 1 * kMiB);
  CHECK_EQ(header->l1_offset, 0x30000u);
  CHECK_EQ(header->header_length, 112u);
  CHECK_EQ(header->bytes_per_table(), 512 * kMiB);
  CHECK(header->compression == Compression::kZlib);
}

TEST(Version2IsParsed) {
  const auto header = Parse(ImageBuilder({.version = 2}));
  CHECK_OK(header);
  CHECK_EQ(header->header_length, 72u);
  CHECK_EQ(header->refcount_order, 4u);
  CHECK_EQ(header->incompatible, 0u);
}

TEST(Version2MayHaveABackingFormat) {
  const auto header = Parse(
      ImageBuilder({.version = 2}).Extension(kExtensionBackingFormat, "raw").Backing("base.img"));
  CHECK_OK(header);
  CHECK_EQ(header->backing_name, "base.img");
  CHECK_EQ(header->backing_format, "raw");
}

TEST(EveryClusterSizeIsRead) {
  for (std::uint32_t bits = kMinClusterBits; bits <= kMaxClusterBits; ++bits) {
    const auto header = Parse(ImageBuilder({.cluster_bits = bits, .size = 32 * kKiB}));
    CHECK_OK(header);
    CHECK_EQ(header->cluster_size(), 1u << bits);
  }
}

TEST(ExtensionsAreParsed) {
  ImageBuilder image;
  image.Extension(kExtensionBackingFormat, "qcow2")
      .Extension(kExtensionFeatureNames, FeatureRecord(0, 7, "seventh"))
      .Extension(kExtensionDataFile, "data.raw")
      .Extension(0x12345678, "kept");
  const auto header = Parse(image);
  CHECK_OK(header);
  CHECK_EQ(header->backing_format, "qcow2");
  CHECK_EQ(header->data_file_name, "data.raw");
  CHECK_EQ(header->feature_names.size(), 1u);
  CHECK_EQ(header->feature_names[0].name, "seventh");
  CHECK_EQ(header->unknown_extensions.size(), 1u);
  CHECK_EQ(header->unknown_extensions[0].type, 0x12345678u);
  CHECK_EQ(header->unknown_extensions[0].data.size(), 4u);
}

TEST(BitmapsCountOnlyWithTheirFeatureBit) {
  std::string data(24, '\0');
  StoreBe<std::uint32_t>(data.data(), 1);
  StoreBe<std::uint64_t>(data.data() + 8, 32);
  StoreBe<std::uint64_t>(data.data() + 16, 0x10000);
  const auto without = Parse(ImageBuilder().Extension(kExtensionBitmaps, data));
  CHECK_OK(without);
  CHECK(!without->bitmaps.has_value());
  const auto with = Parse(
      ImageBuilder().Extension(kExtensionBitmaps, data).Set64(kAtAutoclear, kAutoclearBitmaps));
  CHECK_OK(with);
  CHECK(with->bitmaps.has_value());
  CHECK_EQ(with->bitmaps->directory_offset, 0x10000u);
}

TEST(CompressionTypeIsParsed) {
  const auto header = Parse(
      ImageBuilder().Set64(kAtIncompatible, kIncompatibleCompression).Set8(kAtCompressionType, 1));
  CHECK_OK(header);
  CHECK(header->compression == Compression::kZstd);
}

TEST(DirtyAndCorruptImagesAreReadable) {
  const auto header =
      Parse(ImageBuilder().Set64(kAtIncompatible, kIncompatibleDirty | kIncompatibleCorrupt));
  CHECK_OK(header);
  CHECK(header->dirty());
  CHECK(header->corrupt());
}

TEST(AnUnknownFeatureIsRefusedByItsName) {
  ImageBuilder image;
  image.Extension(kExtensionFeatureNames,
                  FeatureRecord(1, 9, "wrong kind") + FeatureRecord(0, 9, "time travel"));
  CHECK_MESSAGE(Parse(image.Set64(kAtIncompatible, 1u << 9)),
                "disk.qcow2: Unsupported qcow2 feature(s): time travel");
  CHECK_MESSAGE(Parse(image.Set64(kAtIncompatible, 3u << 9)),
                "time travel, Unknown incompatible feature: 400");
}

TEST(AFileShorterThanAClusterIsRead) {
  ImageBuilder image;
  const ByteSpan bytes(image.bytes());
  CHECK_OK(ParseHeader(bytes.first(112), bytes.size(), "disk.qcow2"));
}

TEST(ProbeKnowsQcow2Only) {
  CHECK_EQ(ProbeHeader(ImageBuilder().bytes()), 100);
  CHECK_EQ(ProbeHeader(ImageBuilder().Set32(kAtVersion, 1).bytes()), 0);  // the older qcow
  CHECK_EQ(ProbeHeader(ImageBuilder().Set32(0, 0).bytes()), 0);
  CHECK_EQ(ProbeHeader({}), 0);
}

struct BadHeader {
  std::function<void(ImageBuilder&)> damage;
  const char* message;
};

void CheckRefused(const std::vector<BadHeader>& table) {
  for (const BadHeader& bad : table) {
    ImageBuilder image = Small();
    bad.damage(image);
    CHECK_MESSAGE(Parse(image), std::string("disk.qcow2: ") + bad.message);
  }
}

TEST(BadFixedFieldsAreRefused) {
  CheckRefused({
      {[](auto& i) { i.Set32(0, 0); }, "Image is not in qcow2 format"},
      {[](auto& i) { i.Cut(71); }, "Image is not in qcow2 format"},
      {[](auto& i) { i.Set32(kAtVersion, 4); }, "Unsupported qcow2 version 4"},
      {[](auto& i) { i.Set32(kAtClusterBits, 8); }, "Unsupported cluster size: 2^8"},
      {[](auto& i) { i.Set32(kAtClusterBits, 22); }, "Unsupported cluster size: 2^22"},
      {[](auto& i) { i.Set32(kAtHeaderLength, 96); }, "qcow2 header too short"},
      {[](auto& i) { i.Cut(80); }, "qcow2 header too short"},
      {[](auto& i) { i.Set32(kAtHeaderLength, 108); }, "qcow2 header length 108 is not"},
      {[](auto& i) { i.Set32(kAtHeaderLength, 8192); }, "qcow2 header exceeds cluster size"},
      {[](auto& i) { i.Set32(kAtCryptMethod, 1); }, "the image is encrypted (AES)"},
      {[](auto& i) { i.Set32(kAtCryptMethod, 2); }, "the image is encrypted (LUKS)"},
      {[](auto& i) { i.Set32(kAtCryptMethod, 3); }, "Unsupported encryption method 3"},
      {[](auto& i) { i.Set64(kAtSize, UINT64_MAX); }, "Image is too big"},
      {[](auto& i) { i.Set64(kAtIncompatible, kIncompatibleExtendedL2); },
       "Extended L2 entries need clusters of at least 16 KiB"},
      {[](auto& i) { i.Set64(kAtIncompatible, kIncompatibleCompression); },
       "Compression type incompatible feature bit must not be set"},
      {[](auto& i) { i.Set8(kAtCompressionType, 1); },
       "Compression type incompatible feature bit must be set"},
      {[](auto& i) { i.Set8(kAtCompressionType, 2); }, "Unknown compression type: 2"},
  });
}

TEST(BadTablesAreRefused) {
  CheckRefused({
      {[](auto& i) { i.Set32(kAtL1Entries, 4194305); }, "L1 table too large: 4194305 entries"},
      {[](auto& i) { i.Set64(kAtL1Offset, 0x3001); },
       "L1 table offset 0x3001 is not aligned to a cluster"},
      {[](auto& i) { i.Set64(kAtL1Offset, 0x30000); },
       "L1 table at 0x30000 lies beyond the end of the file"},
      {[](auto& i) { i.Set64(kAtL1Offset, ~std::uint64_t{0xfff}); },
       "L1 table at 0xfffffffffffff000 lies beyond the end"},
      {[](auto& i) { i.Set32(kAtL1Entries, 2000); }, "L1 table at 0x3000 lies beyond the end"},
      {[](auto& i) { i.Set32(kAtL1Entries, 0); }, "L1 table is too small"},
      {[](auto& i) { i.Set64(kAtSize, 1 * kGiB); }, "L1 table is too small"},
      {[](auto& i) { i.Set32(kAtRefcountOrder, 7); }, "Reference count entry width too large"},
      {[](auto& i) { i.Set32(kAtRefcountTableClusters, 0); },
       "Image does not contain a reference count table"},
      {[](auto& i) { i.Set32(kAtRefcountTableClusters, 2049); },
       "Reference count table too large: 2049 clusters"},
      {[](auto& i) { i.Set64(kAtRefcountTableOffset, 8); },
       "Reference count table offset 0x8 is not aligned"},
      {[](auto& i) { i.Set64(kAtRefcountTableOffset, 0x100000); },
       "Reference count table at 0x100000 lies beyond"},
      {[](auto& i) { i.Set32(kAtSnapshotCount, 65536); }, "Snapshot table too large"},
      {[](auto& i) { i.Set32(kAtSnapshotCount, 1).Set64(kAtSnapshotsOffset, 0x1004); },
       "Snapshot table offset 0x1004 is not aligned"},
      {[](auto& i) { i.Set32(kAtSnapshotCount, 9999).Set64(kAtSnapshotsOffset, 0x1000); },
       "Snapshot table at 0x1000 lies beyond the end of the file"},
  });
}

TEST(BadExtensionsAreRefused) {
  CheckRefused({
      {[](auto& i) { i.Set32(112, 1).Set32(116, 8192); }, "Header extension 0x00000001 too large"},
      {[](auto& i) { i.Set32(112, 1).Set32(116, UINT32_MAX); }, "Header extension 0x00000001"},
      {[](auto& i) { i.Extension(kExtensionBackingFormat, std::string(16, 'x')); },
       "Backing format name too long"},
      {[](auto& i) { i.Extension(kExtensionFeatureNames, "short"); }, "Feature name table has 5"},
      {[](auto& i) { i.Extension(kExtensionBitmaps, "short"); }, "Bitmaps extension has 5 bytes"},
      {[](auto& i) {
         i.Extension(kExtensionBitmaps, std::string(24, '\0'));
         i.Set64(kAtAutoclear, kAutoclearBitmaps);
       },
       "Bitmaps extension: 0 bitmaps"},
      {[](auto& i) { i.Extension(kExtensionDataFile, std::string_view("a\0b", 3)); },
       "Data file name contains a zero byte"},
      {[](auto& i) { i.Set64(kAtBackingOffset, 5000); }, "Invalid backing file offset 0x1388"},
      {[](auto& i) { i.Set64(kAtBackingOffset, 200).Set32(kAtBackingLength, 1024); },
       "Backing file name too long: 1024 bytes"},
      {[](auto& i) { i.Set64(kAtBackingOffset, 4000).Set32(kAtBackingLength, 200); },
       "Backing file name too long: 200 bytes"},
      {[](auto& i) { i.Backing(std::string_view("a\0b", 3)); },
       "Backing file name contains a zero byte"},
  });
}

}  // namespace
}  // namespace fusebay::qcow2
