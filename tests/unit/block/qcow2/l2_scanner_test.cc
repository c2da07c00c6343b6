// Entries of every type, right and wrong.
#include "qcow2/l2_scanner.h"

#include "check.h"

namespace fusebay::qcow2 {
namespace {

constexpr std::uint64_t kCluster = 65536;

struct Fixture {
  explicit Fixture(std::uint64_t incompatible = 0) {
    header.version = 3;
    header.cluster_bits = 16;
    header.incompatible = incompatible;
    CHECK_OK(counts.Reset(RegionCounter::ClustersFor(kFileSize, 16)));
  }
  Fixture& Put(std::size_t index, std::uint64_t entry, std::uint64_t bitmap = 0) {
    const std::size_t at = index * header.l2_entry_bytes();
    StoreBe(table.data() + at, entry);
    if (header.extended_l2()) {
      StoreBe(table.data() + at + 8, bitmap);
    }
    return *this;
  }
  const CheckResult& Scan(TableUse use = {.offset = 0, .uses = 1, .active_uses = 1}) {
    RegionCounter regions(counts, report, 16, kFileSize);
    L2Scanner scanner(header, regions, report, nullptr);
    scanner.Scan(use, table.data());
    found = scanner.found();
    return report.result;
  }

  static constexpr std::uint64_t kFileSize = 100 * kCluster;
  Header header;
  std::vector<std::byte> table{kCluster};
  ReferenceCounts counts;
  CheckReport report{nullptr};
  L2Scanner::Found found;
};

TEST(PlainClustersAreCounted) {
  Fixture f;
  CHECK_EQ(f.Put(0, 9 * kCluster | kCopied).Put(1, 10 * kCluster).Scan().corruptions, 0u);
  CHECK_EQ(f.counts.Get(9), 1u);
  CHECK_EQ(f.found.allocated, 2u);
  CHECK_EQ(f.found.fragmented, 0u);
}

TEST(ATableOfManySnapshotsCountsForEach) {
  Fixture f;
  static_cast<void>(f.Put(0, 9 * kCluster).Scan({.offset = 0, .uses = 5, .active_uses = 0}));
  CHECK_EQ(f.counts.Get(9), 5u);
  CHECK_EQ(f.found.allocated, 0u);
}

TEST(AClusterElsewhereIsAFragment) {
  Fixture f;
  static_cast<void>(f.Put(0, 9 * kCluster).Put(1, 11 * kCluster).Scan());
  CHECK_EQ(f.found.fragmented, 1u);
}

TEST(ZeroClustersCountTheirPlace) {
  Fixture f;
  CHECK_EQ(f.Put(0, kReadsAsZeroes).Put(1, 9 * kCluster | kReadsAsZeroes).Scan().corruptions, 0u);
  CHECK_EQ(f.counts.Get(9), 1u);
  CHECK_EQ(f.found.allocated, 1u);
}

TEST(CompressedClustersCountEverySectorTheyTouch) {
  Fixture f;
  const std::uint64_t sectors = std::uint64_t{1} << 54;  // one more than the first
  CHECK_EQ(f.Put(0, kCompressed | sectors | (10 * kCluster - 100)).Scan().corruptions, 0u);
  CHECK_EQ(f.counts.Get(9), 1u);
  CHECK_EQ(f.counts.Get(10), 1u);
  CHECK_EQ(f.found.compressed, 1u);
}

TEST(CopiedOnACompressedClusterCanBeRepaired) {
  Fixture f;
  CHECK_EQ(f.Put(0, kCompressed | kCopied | 9 * kCluster).Scan().corruptions, 1u);
  CHECK_EQ(f.found.repairable, 1u);
}

TEST(UnalignedClustersAreCorruptions) {
  Fixture f;
  CHECK_EQ(f.Put(0, 9 * kCluster + 512).Scan().corruptions, 1u);
  CHECK_EQ(f.found.repairable, 0u);
  CHECK_EQ(f.Put(0, (9 * kCluster + 512) | kReadsAsZeroes).Scan().corruptions, 2u);
  CHECK_EQ(f.found.repairable, 1u);
}

TEST(SubclustersThatAreTwoThingsCanBeRepaired) {
  Fixture f(kIncompatibleExtendedL2);
  const std::uint64_t both = std::uint64_t{1} << 32 | 1;
  CHECK_EQ(f.Put(0, 9 * kCluster, both).Scan().corruptions, 1u);
  CHECK_EQ(f.found.repairable, 1u);
}

TEST(SubclustersWithoutAClusterAreCorruptions) {
  Fixture f(kIncompatibleExtendedL2);
  CHECK_EQ(f.Put(0, 0, 1).Scan().corruptions, 1u);
}

TEST(DataInADataFileTakesNoCluster) {
  Fixture f(kIncompatibleDataFile);
  CHECK_EQ(f.Put(9, 9 * kCluster | kCopied).Put(0, kCopied).Scan().corruptions, 0u);
  CHECK_EQ(f.counts.Get(9), 0u);
  CHECK_EQ(f.Put(8, 50 * kCluster | kCopied).Scan().corruptions, 1u);
}

}  // namespace
}  // namespace fusebay::qcow2
