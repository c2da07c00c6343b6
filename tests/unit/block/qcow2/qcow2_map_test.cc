// The cluster map: how far a run goes, what it needs loaded, and its bounds.
#include "qcow2/qcow2_map.h"

#include "qcow2_fixture.h"

namespace fusebay::qcow2 {
namespace {

using test::Disk;
using test::ImageBuilder;
using FoundRun = Run;  // the fixture has a function of that name

constexpr std::uint64_t kCluster = 512;
constexpr std::uint64_t kTable = 64 * kCluster;  // what one L2 table maps

// Clusters of 512 bytes: an L2 table, which is one slice, maps 32 KiB. Four tables.
class Map : public Disk {
 public:
  explicit Map(const ImageBuilder& built, std::uint64_t cache_bytes = ClusterMap::kMinCacheBytes) {
    AddFile("file", built.bytes());
    auto used = graph.Use("file", {kPermConsistentRead, kPermAll}, "the test");
    CHECK_OK(used);
    image = std::move(*used);
    const ByteSpan bytes(built.bytes());
    const auto header = ParseHeader(bytes.first(HeaderBytes(bytes)), bytes.size(), "file");
    CHECK_OK(header);
    ClusterMap::Setup setup;
    for (std::uint64_t i = 0; i < header->l1_entries; ++i) {
      setup.l1.push_back(LoadBe<std::uint64_t>(bytes.data() + header->l1_offset + i * 8));
    }
    setup.cache_bytes = cache_bytes;
    setup.slice_bytes = kCluster;
    setup.filename = "file";
    map.emplace(image, *header, std::move(setup));
  }
  FoundRun Find(std::uint64_t offset, std::uint64_t length) {
    const auto run = Disk::Run(map->Find(offset, length));
    CHECK_OK(run);
    return *run;
  }

  std::optional<ClusterMap> map;
};

// Cluster `i` of the disk is at host cluster 20 + i, except that the last table is not there.
ImageBuilder InARow() {
  ImageBuilder image({.cluster_bits = 9, .size = 4 * kTable});
  image.Set32(kAtL1Entries, 4);
  for (std::uint64_t table = 0; table < 3; ++table) {
    image.Set64(3 * kCluster + table * 8, (4 + table) * kCluster | kCopied);
  }
  for (std::uint64_t i = 0; i < 3 * 64; ++i) {
    image.Set64(4 * kCluster + i * 8, (20 + i) * kCluster | kCopied);
  }
  return image;
}

TEST(AMissNamesTheSlice) {
  Map map(InARow());
  const auto found = map.map->TryFind(kTable + 10, 100);
  CHECK(found.state == ClusterMap::Found::State::kMiss);
  CHECK_EQ(found.missing, 5 * kCluster);
}

TEST(ARunGoesOnThroughCachedTables) {
  Map map(InARow());
  CHECK_EQ(map.Find(100, 4 * kTable - 100).length, kTable - 100);  // the next is not cached yet
  map.Find(kTable, 1);
  map.Find(2 * kTable, 1);
  const Run run = map.Find(100, 4 * kTable - 100);
  CHECK(run.kind == Run::Kind::kData);
  CHECK_EQ(run.host_offset, 20 * kCluster + 100);
  CHECK_EQ(run.length, 3 * kTable - 100);
}

TEST(ARunIsNeverLongerThanAskedFor) {
  Map map(InARow());
  CHECK_EQ(map.Find(100, 7).length, 7u);
  CHECK_EQ(map.Find(kTable - 1, 1).length, 1u);
}

TEST(ATableThatIsNotThereIsUnallocated) {
  Map map(InARow());
  const Run run = map.Find(3 * kTable + 5, kTable - 5);
  CHECK(run.kind == Run::Kind::kUnallocated);
  CHECK_EQ(run.length, kTable - 5);
  CHECK_EQ(map.file->reads.load(), 0);
}

TEST(DataThatIsNotInOnePieceIsSeveralRuns) {
  Map map(InARow().L2(2, 300 * kCluster | kCopied).L2(4, kReadsAsZeroes));
  CHECK_EQ(map.Find(0, kTable).length, 2 * kCluster);
  CHECK_EQ(map.Find(2 * kCluster, kTable).length, kCluster);
  CHECK_EQ(map.Find(3 * kCluster, kTable).length, kCluster);
  CHECK(map.Find(4 * kCluster, kTable).kind == Run::Kind::kZero);
}

TEST(ACompressedClusterIsARunOfItsOwn) {
  Map map(InARow().L2(1, kCompressed | 12345).L2(2, kCompressed | 12345));
  CHECK_EQ(map.Find(0, kTable).length, kCluster);
  const Run run = map.Find(kCluster + 100, kTable);
  CHECK(run.kind == Run::Kind::kCompressed);
  CHECK_EQ(run.length, kCluster - 100);
  CHECK_EQ(run.offset_in_cluster, 100u);
  CHECK_EQ(run.descriptor, 12345u);
}

TEST(WhatComesBeforeAFaultIsFound) {
  Map map(InARow().L2(2, 2));
  CHECK_EQ(map.Find(0, kTable).length, 2 * kCluster);
  CHECK(!map.map->found_corruption());
  CHECK_ERRNO(map.Disk::Run(map.map->Find(2 * kCluster, 1)), EIO);
  CHECK(map.map->found_corruption());
}

TEST(TheCacheIsBounded) {
  CHECK_EQ(Map(InARow()).map->cache_slices(), ClusterMap::kMinCacheBytes / kCluster);
  CHECK_EQ(Map(InARow(), 1).map->cache_slices(), 1u);
  Map small(InARow(), 1);
  for (std::uint64_t at = 0; at < 3 * kTable; at += kCluster) {
    CHECK_EQ(small.Find(at, kCluster).host_offset, 20 * kCluster + at);
  }
}

}  // namespace
}  // namespace fusebay::qcow2
