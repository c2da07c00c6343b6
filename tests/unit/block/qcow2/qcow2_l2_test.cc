// L2 entries: the meaning of every kind, and the ones that are wrong.
#include "qcow2/qcow2_l2.h"

#include <array>

#include "check.h"

namespace fusebay::qcow2 {
namespace {

Header HeaderWith(std::uint32_t version, std::uint64_t incompatible, std::uint32_t bits = 16) {
  Header header;
  header.version = version;
  header.cluster_bits = bits;
  header.incompatible = incompatible;
  return header;
}

const L2Layout kVersion2{HeaderWith(2, 0)};
const L2Layout kVersion3{HeaderWith(3, 0)};
const L2Layout kExtended{HeaderWith(3, kIncompatibleExtendedL2)};
const L2Layout kDataFile{HeaderWith(3, kIncompatibleDataFile)};

Result<L2Entry, Fault> Decode(const L2Layout& layout, std::uint64_t entry, std::uint64_t bitmap = 0,
                              std::uint64_t guest_offset = 0) {
  std::array<std::byte, 16> raw{};
  StoreBe<std::uint64_t>(raw.data(), entry);
  StoreBe<std::uint64_t>(raw.data() + 8, bitmap);
  return DecodeL2(layout, raw.data(), guest_offset);
}

void CheckUnits(const Result<L2Entry, Fault>& entry, std::uint32_t allocated, std::uint32_t zero) {
  CHECK(entry.ok());
  CHECK(!entry->compressed);
  CHECK_EQ(entry->allocated, allocated);
  CHECK_EQ(entry->zero, zero);
}

void CheckFault(const Result<L2Entry, Fault>& entry, Fault fault) {
  CHECK(!entry.ok());
  CHECK_EQ(FaultText(entry.error()), FaultText(fault));
}

TEST(StandardEntries) {
  CheckUnits(Decode(kVersion3, 0), 0, 0);
  CheckUnits(Decode(kVersion3, 0x50000 | kCopied), 1, 0);
  CheckUnits(Decode(kVersion3, 0x50000), 1, 0);  // shared with a snapshot
  CheckUnits(Decode(kVersion3, kReadsAsZeroes), 0, 1);
  CheckUnits(Decode(kVersion3, 0x50000 | kCopied | kReadsAsZeroes), 0, 1);
  const auto entry = Decode(kVersion3, 0x50000);
  CHECK_EQ(entry->host_offset, 0x50000u);
}

TEST(OffsetZeroIsUnallocatedExceptInADataFile) {
  CheckUnits(Decode(kVersion3, kCopied), 0, 0);
  CheckUnits(Decode(kDataFile, kCopied), 1, 0);
  CheckUnits(Decode(kDataFile, 0), 0, 0);
}

TEST(ReservedBitsAreFaults) {
  for (const std::uint64_t bit : {1u, 2u, 8u, 56u, 61u}) {
    CheckFault(Decode(kVersion3, 0x50000 | std::uint64_t{1} << bit), Fault::kReserved);
  }
  CheckFault(Decode(kExtended, 0x50000 | kReadsAsZeroes, 0), Fault::kReserved);
}

TEST(AnUnalignedHostClusterIsAFault) {
  CheckFault(Decode(kVersion3, 0x50200 | kCopied), Fault::kUnaligned);
}

TEST(Version2HasNoZeroClusters) {
  CheckUnits(Decode(kVersion2, 0x50000 | kCopied), 1, 0);
  CheckFault(Decode(kVersion2, kReadsAsZeroes), Fault::kZeroFlagInVersion2);
}

TEST(DataFilesMapEachClusterToItself) {
  CheckUnits(Decode(kDataFile, 0x50000 | kCopied, 0, 0x50000), 1, 0);
  CheckFault(Decode(kDataFile, 0x50000 | kCopied, 0, 0x60000), Fault::kNotIdentity);
  CheckFault(Decode(kDataFile, kCompressed | 0x50000), Fault::kCompressedInDataFile);
}

TEST(ExtendedEntriesHaveSubclusters) {
  CheckUnits(Decode(kExtended, 0x50000 | kCopied, 0x0000000f'000000f0), 0xf0, 0x0f);
  CheckUnits(Decode(kExtended, 0, 0xffffffff'00000000), 0, 0xffffffff);
  CheckUnits(Decode(kExtended, 0x50000, 0), 0, 0);
  CheckFault(Decode(kExtended, 0x50000, 0x00000001'00000001), Fault::kBitmapConflict);
  CheckFault(Decode(kExtended, 0, 0x1), Fault::kBitmapWithoutCluster);
  CheckFault(Decode(kExtended, kCompressed | 0x50000, 1), Fault::kCompressedBitmap);
}

TEST(CompressedEntriesHavePlaceAndLength) {
  // 64 KiB clusters: 54 bits of offset, then the sectors after the first.
  const std::uint64_t descriptor = std::uint64_t{3} << 54 | 0x50123;
  const auto entry = Decode(kVersion3, kCompressed | descriptor);
  CHECK(entry.ok());
  CHECK(entry->compressed);
  const CompressedPlace place = PlaceOf(16, entry->descriptor);
  CHECK_EQ(place.offset, 0x50123u);
  CHECK_EQ(place.length, 4 * 512 - 0x123u);
}

TEST(CompressedLengthIsBoundedForEveryClusterSize) {
  for (std::uint32_t bits = kMinClusterBits; bits <= kMaxClusterBits; ++bits) {
    const CompressedPlace place = PlaceOf(bits, (std::uint64_t{1} << 62) - 1);
    CHECK(place.length >= 1);
    CHECK(place.length <= 2u << bits);
  }
}

TEST(CompressedOffsetsBeyondBit55AreFaults) {
  const L2Layout smallest(HeaderWith(3, 0, 9));
  CheckFault(Decode(smallest, kCompressed | std::uint64_t{1} << 56), Fault::kReserved);
}

TEST(ADescriptorSaysWhereItsDataIs) {
  for (const std::uint32_t bits : {9u, 16u, 21u}) {
    for (const std::uint64_t offset : {0x50000u, 0x50001u, 0x501ffu}) {
      const auto length = static_cast<std::uint32_t>((std::uint64_t{1} << bits) - 1);
      const auto descriptor = DescriptorOf(bits, {offset, length});
      CHECK(descriptor.has_value());
      const CompressedPlace place = PlaceOf(bits, *descriptor);
      CHECK_EQ(place.offset, offset);
      CHECK(place.length >= length && place.length < length + 512);
    }
  }
}

TEST(AnOffsetThatDoesNotFitHasNoDescriptor) {
  CHECK(DescriptorOf(21, {(std::uint64_t{1} << 49) - 10, 10}).has_value());
  CHECK(!DescriptorOf(21, {(std::uint64_t{1} << 49) - 10, 11}).has_value());
  CHECK(!DescriptorOf(9, {std::uint64_t{1} << 56, 10}).has_value());
}

}  // namespace
}  // namespace fusebay::qcow2
