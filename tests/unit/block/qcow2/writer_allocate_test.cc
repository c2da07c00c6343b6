// Writes that take new clusters, and what is copied into them.
#include "writable_disk.h"

namespace fusebay::qcow2::test {
namespace {

constexpr std::uint64_t kUnit = 2 * kKiB;  // a subcluster

TEST(AroundNewDataAreZeroes) {
  WritableDisk disk{ImageBuilder()};
  disk.Write(100, "abc");
  CHECK(disk.Read(0, kCluster) == Of('\0', 100) + "abc" + Of('\0', kCluster - 103));
  CHECK_EQ(disk.Status(kCluster).allocated, false);
}

TEST(NeighboursGetNeighbouringClusters) {
  WritableDisk disk{ImageBuilder()};
  disk.Write(0, Of('x', 3 * kCluster));
  disk.Flush();
  CHECK_EQ(disk.L2(0), (5 * kCluster) | kCopied);
  CHECK_EQ(disk.L2(2), (7 * kCluster) | kCopied);
}

TEST(TheBackingImageIsCopiedAround) {
  WritableDisk disk(ImageBuilder(), Of('b', kCluster + 100));
  disk.Write(10, "abc");
  disk.Write(kCluster + 50, "def");
  CHECK(disk.Read(0, 20) == Of('b', 10) + "abc" + Of('b', 7));
  CHECK(disk.Read(kCluster, 200) == Of('b', 50) + "def" + Of('b', 47) + Of('\0', 100));
}

TEST(ASharedClusterIsLeftAlone) {
  ImageBuilder image = ImageBuilder().Data(0, 0, 's');
  image.L2(0, image.DataAt(0));  // not "copied"
  WritableDisk disk(image);
  disk.Write(5, "abc");
  CHECK_EQ(disk.Read(3, 7), "ssabcss");
  CHECK_EQ(disk.File(5 * kCluster + 3, 7), "sssssss");
}

TEST(ASharedTableIsCopied) {
  ImageBuilder image = ImageBuilder().Data(0, 0, 's');
  image.Set64(ImageBuilder::kL1Cluster * kCluster, ImageBuilder::kL2Cluster * kCluster);
  WritableDisk disk(image);
  disk.Write(kCluster, "abc");
  disk.Flush();
  CHECK_EQ(disk.L2(1), 0u);
  CHECK(disk.Word(ImageBuilder::kL1Cluster * kCluster) !=
        (ImageBuilder::kL2Cluster * kCluster | kCopied));
  CHECK_EQ(disk.Read(0, 2) + disk.Read(kCluster, 3), "ssabc");
}

TEST(AZeroClusterKeepsItsHostCluster) {
  WritableDisk disk(ImageBuilder().Data(0, 0, 'z').L2(0, (5 * kCluster) | kCopied | 1));
  disk.Write(5, "abc");
  disk.Flush();
  CHECK_EQ(disk.L2(0), (5 * kCluster) | kCopied);
  CHECK(disk.Read(0, 10) == Of('\0', 5) + "abc" + Of('\0', 2));
}

TEST(OnlyTheSubclustersOfAWriteAreAllocated) {
  WritableDisk disk(ImageBuilder(ImageShape{.extended = true}), Of('b', kCluster));
  disk.Write(kUnit + 5, "abc");
  disk.Flush();
  CHECK_EQ(disk.Word(ImageBuilder::kL2Cluster * kCluster + 8), 2u);
  CHECK(disk.Read(kUnit - 1, 10) == Of('b', 6) + "abc" + "b");
  disk.Write(0, "x");
  disk.Flush();
  CHECK_EQ(disk.Word(ImageBuilder::kL2Cluster * kCluster + 8), 3u);
}

TEST(SubclustersOfASharedClusterMoveAlong) {
  ImageBuilder image = ImageBuilder(ImageShape{.extended = true}).Data(0, 0, 's');
  image.L2(0, image.DataAt(0), 0xff);
  WritableDisk disk(image, Of('b', kCluster));
  disk.Write(0, "abc");
  CHECK(disk.Read(0, 8 * kUnit) == "abc" + Of('s', 8 * kUnit - 3));
  CHECK(disk.Read(8 * kUnit, 3) == "bbb");
}

TEST(AnExternalDataFileReachesAsFarAsItsClusters) {
  WritableDisk disk(ImageBuilder().Set64(kAtIncompatible, kIncompatibleDataFile));
  CHECK_OK(disk.Run(disk.image.Allocate(0, 10)));
  disk.Write(2 * kCluster, "abc");
  disk.Truncate(2 * kMiB, Prealloc::kFull);
  CHECK(disk.Read(2 * kCluster - 1, 5) == std::string("\0abc\0", 5));
  CHECK_EQ(disk.graph.Find("data")->size(), 2 * kMiB);
}

TEST(FallocateGivesClustersAndChangesNothing) {
  WritableDisk disk(ImageBuilder(), Of('b', kCluster));
  CHECK_OK(disk.Run(disk.image.Allocate(0, 2 * kCluster)));
  disk.Flush();
  CHECK(disk.L2(0) != 0 && disk.L2(1) != 0);
  CHECK(disk.Read(kCluster - 1, 3) == std::string("b\0\0", 3));
}

}  // namespace
}  // namespace fusebay::qcow2::test
