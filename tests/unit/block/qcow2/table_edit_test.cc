// What repairs make of single entries.
#include "qcow2/table_edit.h"

#include "check.h"

namespace fusebay::qcow2 {
namespace {

constexpr std::uint64_t kCluster = 65536;

struct Fixture {
  explicit Fixture(std::uint64_t incompatible = 0) {
    header.version = 3;
    header.cluster_bits = 16;
    header.incompatible = incompatible;
    CHECK_OK(counts.Reset(100));
  }
  std::uint64_t Apply(const TableEdit& edit, std::uint64_t entry, std::uint64_t bitmap = 0) {
    std::fill(table.begin(), table.end(), std::byte{0});
    StoreBe(table.data(), entry);
    if (header.extended_l2()) {
      StoreBe(table.data() + 8, bitmap);
    }
    changed = edit.Apply({}, table, CheckReport(nullptr));
    return LoadBe<std::uint64_t>(table.data());
  }
  std::uint64_t Repair(std::uint64_t entry, std::uint64_t bitmap = 0) {
    return Apply(EntryRepair(header), entry, bitmap);
  }
  std::uint64_t Copied(std::uint64_t entry, CopiedRepair::Mode mode) {
    return Apply(CopiedRepair(header, counts, stored, mode), entry);
  }

  Header header;
  ReferenceCounts counts;
  StoredRefcounts stored;
  std::vector<std::byte> table{kCluster};
  std::uint64_t changed = 0;
};

TEST(SoundEntriesStay) {
  Fixture f;
  CHECK_EQ(f.Repair(9 * kCluster | kCopied), 9 * kCluster | kCopied);
  CHECK_EQ(f.changed, 0u);
}

TEST(CompressedClustersLoseCopied) {
  Fixture f;
  CHECK_EQ(f.Repair(kCompressed | kCopied | 77), kCompressed | 77);
  CHECK_EQ(f.changed, 1u);
}

TEST(ZeroesInAWrongPlaceLoseThePlace) {
  Fixture f;
  CHECK_EQ(f.Repair(9 * kCluster | 512 | kReadsAsZeroes), kReadsAsZeroes);
  CHECK_EQ(f.Repair(9 * kCluster | 512), 9 * kCluster | 512);
}

TEST(SubclustersKeepTheirData) {
  Fixture f(kIncompatibleExtendedL2);
  const std::uint64_t high = std::uint64_t{3} << 32;
  CHECK_EQ(f.Repair(9 * kCluster, high | 1), 9 * kCluster);
  CHECK_EQ(LoadBe<std::uint64_t>(f.table.data() + 8), std::uint64_t{2} << 32 | 1);
}

TEST(CopiedFollowsTheReferences) {
  Fixture f;
  f.counts.Add(9, 1);
  f.counts.Add(10, 2);
  CHECK_EQ(f.Copied(9 * kCluster, CopiedRepair::Mode::kClear), 9 * kCluster);
  CHECK_EQ(f.Copied(9 * kCluster, CopiedRepair::Mode::kBoth), 9 * kCluster | kCopied);
  CHECK_EQ(f.Copied(10 * kCluster | kCopied, CopiedRepair::Mode::kClear), 10 * kCluster);
  CHECK_EQ(f.Copied(10 * kCluster | kCopied, CopiedRepair::Mode::kBoth), 10 * kCluster);
}

TEST(ARefcountThatDoesNotFitLeavesTheFlag) {
  Fixture f;
  f.header.refcount_order = 0;
  f.counts.Add(9, 2);
  CHECK_EQ(f.Copied(9 * kCluster | kCopied, CopiedRepair::Mode::kBoth), 9 * kCluster | kCopied);
}

TEST(BeyondTheFileTheStoredRefcountDecides) {
  Fixture f;
  CHECK_EQ(f.Copied(5000 * kCluster | kCopied, CopiedRepair::Mode::kClear), 5000 * kCluster);
}

}  // namespace
}  // namespace fusebay::qcow2
