// Refcounts of every width: counting, finding, new blocks, a larger table.
#include "qcow2/refcounts.h"

#include "writable_disk.h"

namespace fusebay::qcow2 {
namespace {

// Clusters of 512 bytes: 0 header, 1 refcount table, 2 the first refcount block.
struct Counts : test::MemoryFiles {
  explicit Counts(std::uint32_t order = 4) {
    AddFile("file", std::vector<std::byte>(256 * kKiB));
    file = Use("file");
    header.version = 3;
    header.cluster_bits = 9;
    header.refcount_order = order;
    header.refcount_table_offset = 512;
    header.refcount_table_clusters = 1;
    std::vector<std::uint64_t> table(64);
    table[0] = 1024;
    refcounts.emplace(file, header, places, table, 0);
  }
  std::uint64_t Get(std::uint64_t cluster) {
    const auto value = Run(refcounts->Get(cluster));
    CHECK_OK(value);
    return *value;
  }
  std::uint64_t Free(std::uint64_t first) {
    const auto run = Run(refcounts->FreeRun(first, 1000));
    CHECK_OK(run);
    return *run;
  }
  BlockRef file;
  Header header;
  MetadataPlaces places{9};
  std::optional<Refcounts> refcounts;
};

TEST(EveryWidthCounts) {
  for (std::uint32_t order = 0; order <= 6; ++order) {
    Counts counts(order);
    CHECK_OK(counts.Run(counts.refcounts->Increase(3, 5)));
    CHECK_EQ(counts.Get(2), 0u);
    CHECK_EQ(counts.Get(3), 1u);
    CHECK_EQ(counts.Get(7), 1u);
    CHECK_EQ(counts.Get(8), 0u);
    CHECK_OK(counts.Run(counts.refcounts->Decrease(4, 1)));
    CHECK_EQ(counts.Get(4), 0u);
    CHECK_EQ(counts.Get(5), 1u);
  }
}

TEST(ARefcountNeitherOverflowsNorGoesBelowZero) {
  Counts counts(0);
  CHECK_OK(counts.Run(counts.refcounts->Increase(3, 1)));
  CHECK_ERRNO(counts.Run(counts.refcounts->Increase(3, 1)), ERANGE);
  CHECK_ERRNO(counts.Run(counts.refcounts->Decrease(9, 1)), EIO);
}

TEST(RunsEndAtUsedClustersAndAtTheEndOfCoverage) {
  Counts counts;
  CHECK_OK(counts.Run(counts.refcounts->Increase(10, 2)));
  CHECK_EQ(counts.Free(0), 10u);
  CHECK_EQ(counts.Free(10), 0u);
  CHECK_EQ(counts.Free(12), 256u - 12);
  CHECK(!counts.refcounts->IsCovered(256));
  CHECK_EQ(*counts.Run(counts.refcounts->UsedRun(10, 100)), 2u);
}

TEST(ChangesReachTheFileByWriteBack) {
  Counts counts;
  CHECK_OK(counts.Run(counts.refcounts->Increase(3, 1)));
  CHECK_EQ(test::ReadText(counts, counts.file, 1024 + 6, 2), std::string(2, '\0'));
  CHECK(counts.refcounts->changed());
  CHECK_OK(counts.Run(counts.refcounts->WriteBack()));
  CHECK_EQ(test::ReadText(counts, counts.file, 1024 + 6, 2), std::string("\0\1", 2));
  CHECK(!counts.refcounts->changed());
}

TEST(ANewBlockCountsItselfAndIsNamed) {
  Counts counts;
  CHECK_OK(counts.Run(counts.refcounts->AddBlock(300)));
  CHECK_EQ(counts.Get(300), 1u);
  CHECK_EQ(counts.Get(299), 0u);
  CHECK(counts.places.Touches(300 * 512, 1));
  CHECK_EQ(LoadBe<std::uint64_t>(test::ReadText(counts, counts.file, 512 + 8, 8).data()),
           300u * 512);
}

TEST(ALargerTableTakesThePlaceOfTheOldOne) {
  Counts counts(6);  // a block counts 64 clusters, the table 4096
  CHECK_OK(counts.Run(counts.refcounts->Increase(1, 1)));
  CHECK(counts.refcounts->NeedsGrowth(5000));
  const auto growth = counts.refcounts->PlanGrowth(5000, 0);
  CHECK_OK(growth);
  CHECK_OK(counts.Run(counts.file.Truncate(
      (growth->first + growth->blocks + growth->table_clusters) * 512, Prealloc::kOff)));
  CHECK_OK(counts.Run(counts.refcounts->Grow(*growth)));
  CHECK(!counts.refcounts->NeedsGrowth(5000));
  CHECK_EQ(counts.Get(1), 0u);
  CHECK_EQ(counts.Get(growth->first), 1u);
  CHECK_EQ(counts.header.refcount_table_clusters, growth->table_clusters);
}

TEST(ATableOverTheBoundIsRefused) {
  Counts counts;
  CHECK_ERRNO(counts.refcounts->PlanGrowth(std::uint64_t{1} << 40, 0), EFBIG);
}

}  // namespace
}  // namespace fusebay::qcow2
