// Changes of the map in memory, and what is collected of them.
#include "qcow2/qcow2_map.h"
#include "writable_disk.h"

namespace fusebay::qcow2::test {
namespace {

struct Map : test::MemoryFiles {
  explicit Map(const ImageBuilder& image) {
    AddFile("file", image.bytes());
    file = Use("file");
    auto parsed = ParseHeader(image.bytes(), image.bytes().size(), "image");
    CHECK_OK(parsed);
    header = *parsed;
    const std::uint64_t l1 =
        LoadBe<std::uint64_t>(image.bytes().data() + ImageBuilder::kL1Cluster * kCluster);
    map.emplace(file, header, ClusterMap::Setup{.l1 = {l1}, .filename = "image"});
  }
  void Put(std::uint64_t offset, const L2Entry& entry) {
    const auto slice = Run(map->PinSlice(offset));
    CHECK_OK(slice);
    map->SetEntry(*slice, offset, entry);
  }
  Run::Kind KindForWrite(std::uint64_t offset) {
    CHECK_OK(Run(map->Find(offset, 1)));
    return map->TryFindForWrite(offset, 1).run.kind;
  }
  using MemoryFiles::Run;
  BlockRef file;
  Header header;
  std::optional<ClusterMap> map;
};

L2Entry Host(std::uint64_t offset) {
  return {.copied = true, .allocated = 1, .host_offset = offset, .has_host = true};
}

TEST(AChangeIsSeenAtOnce) {
  Map map{ImageBuilder()};
  map.Put(kCluster, Host(9 * kCluster));
  CHECK_EQ(map.Run(map.map->Find(kCluster + 5, 10))->host_offset, 9 * kCluster + 5);
}

TEST(SharedDataIsNotToBeWritten) {
  ImageBuilder image = ImageBuilder().Data(0, 0, 'a').Data(1, 1, 'b');
  image.L2(1, image.DataAt(1));
  Map map(image);
  CHECK(map.KindForWrite(0) == fusebay::qcow2::Run::Kind::kData);
  CHECK(map.KindForWrite(kCluster) == fusebay::qcow2::Run::Kind::kShared);
}

TEST(ChangesAreCollectedOnce) {
  Map map(ImageBuilder().Data(0, 0, 'a'));
  map.Put(0, Host(9 * kCluster));
  map.map->SetL1Entry(0, (ImageBuilder::kL2Cluster * kCluster) | kCopied);
  CHECK(map.map->has_changes());
  const ClusterMap::Changes changes = map.map->Collect();
  CHECK_EQ(changes.slices.size(), 1u);
  CHECK_EQ(changes.l1.size(), 1u);
  CHECK_EQ(changes.dropped.size(), 2u);
  CHECK_EQ(changes.dropped[0].offset, 5 * kCluster);
  map.map->Settle(changes, true);
  CHECK(!map.map->has_changes());
}

TEST(WhatCouldNotBeWrittenIsCollectedAgain) {
  Map map(ImageBuilder().Data(0, 0, 'a'));
  map.Put(0, Host(9 * kCluster));
  const ClusterMap::Changes changes = map.map->Collect();
  map.map->Settle(changes, false);
  const ClusterMap::Changes again = map.map->Collect();
  CHECK_EQ(again.slices.size(), 1u);
  CHECK_EQ(again.dropped.size(), 1u);
  map.map->Settle(again, true);
}

TEST(ACompressedClusterGivesUpEveryHostClusterItTouches) {
  Map map(ImageBuilder().L2(0, kCompressed | (1ull << 54) | (7 * kCluster - 100)));
  map.Put(0, Host(9 * kCluster));
  const ClusterMap::Changes changes = map.map->Collect();
  CHECK_EQ(changes.dropped.size(), 1u);
  CHECK_EQ(changes.dropped[0].clusters, 2u);
  map.map->Settle(changes, true);
}

}  // namespace
}  // namespace fusebay::qcow2::test
