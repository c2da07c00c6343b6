// Where clusters come from, and what becomes of those that are given back.
#include "qcow2/allocator.h"

#include "writable_disk.h"

namespace fusebay::qcow2 {
namespace {

// Clusters of 512 bytes, refcounts of 16 bits: a block counts 256. 3 clusters are in use.
struct Clusters : test::MemoryFiles {
  explicit Clusters(std::uint32_t order = 4) {
    AddFile("file", std::vector<std::byte>(1536));
    file = Use("file");
    header.version = 3;
    header.cluster_bits = 9;
    header.refcount_order = order;
    header.refcount_table_offset = 512;
    header.refcount_table_clusters = 1;
    std::vector<std::uint64_t> table(64);
    table[0] = 1024;
    places.Add(0, 1536);
    refcounts.emplace(file, header, places, table, 0);
    CHECK_OK(Run(refcounts->Increase(0, 3)));
    allocator.emplace(file, header, places, *refcounts);
  }
  Allocator::Extent Take(std::uint64_t wanted) {
    const auto taken = Run(allocator->Allocate(wanted));
    CHECK_OK(taken);
    return *taken;
  }
  BlockRef file;
  Header header;
  MetadataPlaces places{9};
  std::optional<Refcounts> refcounts;
  std::optional<Allocator> allocator;
};

TEST(ClustersComeOneAfterTheOther) {
  Clusters clusters;
  const Allocator::Extent first = clusters.Take(4);
  CHECK_EQ(first.offset, 3u * 512);
  CHECK_EQ(first.clusters, 4u);
  CHECK(first.fresh);
  CHECK_EQ(clusters.Take(1).offset, 7u * 512);
  CHECK(clusters.file.size() >= 8 * 512);
}

TEST(WhatIsGivenBackIsTakenNextAndIsNotFresh) {
  Clusters clusters;
  const Allocator::Extent taken = clusters.Take(4);
  CHECK_OK(clusters.Run(clusters.allocator->Release(taken.offset + 512, 2)));
  const Allocator::Extent again = clusters.Take(5);
  CHECK_EQ(again.offset, taken.offset + 512);
  CHECK_EQ(again.clusters, 2u);
  CHECK(!again.fresh);
}

TEST(ASharedClusterStaysUntilTheLastReferenceGoes) {
  Clusters clusters;
  const Allocator::Extent taken = clusters.Take(1);
  CHECK_OK(clusters.Run(clusters.refcounts->Increase(taken.offset / 512, 1)));
  CHECK_OK(clusters.Run(clusters.allocator->Release(taken.offset, 1)));
  CHECK(clusters.Take(1).offset != taken.offset);
}

TEST(ABlockOfRefcountsComesWithTheFirstClusterItCounts) {
  Clusters clusters;
  std::uint64_t left = 600;
  while (left > 0) {
    left -= clusters.Take(left).clusters;
  }
  CHECK(clusters.places.Touches(256 * 512, 1));
  CHECK(clusters.places.Touches(512 * 512, 1));
}

TEST(ALongRunLiesBehindALargerTable) {
  Clusters clusters(6);  // a block counts 64 clusters
  const auto run = clusters.Run(clusters.allocator->AllocateRun(200));
  CHECK_OK(run);
  CHECK_EQ(run->clusters, 200u);
  for (std::uint64_t i = 0; i < 200; ++i) {
    CHECK_EQ(*clusters.Run(clusters.refcounts->Get(run->offset / 512 + i)), 1u);
  }
}

TEST(ATableThatCountsAsFreeIsACorruption) {
  Clusters clusters;
  CHECK_OK(clusters.Run(clusters.refcounts->Decrease(1, 1)));
  CHECK_ERRNO(clusters.Run(clusters.allocator->Allocate(1)), EIO);
  CHECK(clusters.allocator->corrupt());
}

TEST(GivingBackWhatIsFreeIsACorruption) {
  Clusters clusters;
  CHECK_ERRNO(clusters.Run(clusters.allocator->Release(100 * 512, 1)), EIO);
  CHECK(clusters.allocator->corrupt());
}

TEST(TheFileEndsWhereItsClustersEnd) {
  Clusters clusters;
  const Allocator::Extent taken = clusters.Take(3);
  CHECK(clusters.file.size() >= taken.offset + 3 * 512);
  CHECK_OK(clusters.Run(clusters.allocator->TrimFile()));
  CHECK_EQ(clusters.file.size(), taken.offset + 3 * 512);
}

// Compressed data: places of so many bytes each.
std::vector<std::uint64_t> Pack(Clusters& clusters, std::initializer_list<std::uint64_t> sizes) {
  std::vector<std::uint64_t> places;
  for (const std::uint64_t size : sizes) {
    const auto place = clusters.Run(clusters.allocator->AllocateBytes(size));
    CHECK_OK(place);
    places.push_back(*place - std::uint64_t{3 * 512});  // behind what was in use at first
  }
  return places;
}

std::uint64_t References(Clusters& clusters, std::uint64_t cluster) {
  return *clusters.Run(clusters.refcounts->Get(3 + cluster));
}

using Places = std::vector<std::uint64_t>;

TEST(CompressedDataIsPackedAndEachClusterCountsIt) {
  Clusters clusters;
  CHECK(Pack(clusters, {200, 100, 300, 400, 24, 10}) == Places({0, 200, 300, 600, 1000, 1024}));
  CHECK_EQ(References(clusters, 0), 3u);
  CHECK_EQ(References(clusters, 1), 3u);
  CHECK_EQ(References(clusters, 2), 1u);
}

TEST(CompressedDataSpansNeighboursOnly) {
  Clusters clusters;
  CHECK(Pack(clusters, {200}) == Places({0}));
  CHECK_EQ(clusters.Take(1).offset, 4u * 512);
  CHECK(Pack(clusters, {400, 100}) == Places({1024, 1424}));
  CHECK_EQ(References(clusters, 0), 1u);
}

TEST(AClusterTakesAsMuchCompressedDataAsItsRefcountCounts) {
  Clusters single(0);
  CHECK(Pack(single, {10, 10, 10}) == Places({0, 512, 1024}));
  Clusters three(1);
  CHECK(Pack(three, {10, 10, 10, 10, 505}) == Places({0, 10, 20, 512, 522}));
  CHECK_EQ(References(three, 1), 2u);
  CHECK_EQ(References(three, 2), 1u);
}

TEST(AClusterWithoutCompressedDataIsNotGoneOnWith) {
  Clusters clusters;
  Pack(clusters, {100, 100});
  CHECK_OK(clusters.Run(clusters.allocator->Release(3 * 512, 1)));
  CHECK(Pack(clusters, {100}) == Places({200}));
  CHECK_OK(clusters.Run(clusters.allocator->Release(3 * 512, 1)));
  CHECK_OK(clusters.Run(clusters.allocator->Release(3 * 512, 1)));
  CHECK(Pack(clusters, {100}) == Places({0}));
}

}  // namespace
}  // namespace fusebay::qcow2
