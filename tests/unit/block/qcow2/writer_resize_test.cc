// Disks that grow and shrink.
#include "qcow2/qcow2_node.h"
#include "writable_disk.h"

namespace fusebay::qcow2::test {
namespace {

TEST(ADiskGrowsByZeroes) {
  WritableDisk disk(ImageBuilder().Data(15, 0, 'a'));
  disk.Truncate(2 * kMiB);
  CHECK(disk.Read(1 * kMiB - 1, 3) == std::string("a\0\0", 3));
  CHECK_OK(disk.Close());
  CHECK_EQ(disk.Word(kAtSize), 2 * kMiB);
}

TEST(WhatAShrinkHidesIsZeroesWhenItComesBack) {
  WritableDisk disk(ImageBuilder().Data(0, 0, 'a').Data(1, 1, 'b'), Of('x', 1 * kMiB));
  disk.Truncate(100);
  disk.Truncate(1 * kMiB);
  CHECK(disk.Read(98, 4) == std::string("aa\0\0", 4));
  CHECK(disk.Read(kCluster, 2) == Of('\0', 2));
  CHECK(disk.Read(5 * kCluster, 2) == Of('\0', 2));
}

TEST(AShrinkGivesClustersBack) {
  WritableDisk disk(ImageBuilder().Data(0, 0, 'a').Data(1, 1, 'b'));
  disk.Truncate(kCluster);
  CHECK_OK(disk.Close());
  CHECK_EQ(disk.Refcount(5), 1u);
  CHECK_EQ(disk.Refcount(6), 0u);
}

TEST(ALongerL1TableTakesThePlaceOfTheOldOne) {
  WritableDisk disk(ImageBuilder(ImageShape{.cluster_bits = 9, .size = 32 * kKiB}));
  disk.Write(0, "abc");
  disk.Truncate(8 * kMiB);
  disk.Write(8 * kMiB - 3, "end");
  CHECK_OK(disk.Close());
  disk.Open();
  CHECK_EQ(disk.Read(0, 3) + disk.Read(8 * kMiB - 3, 3), "abcend");
}

TEST(ASizeBetweenSectorsIsKeptUntilTheEnd) {
  WritableDisk disk{ImageBuilder()};
  disk.Truncate(1 * kMiB + 100);
  CHECK_EQ(disk.image.size(), 1 * kMiB + 100);
  CHECK_OK(disk.Close());
  CHECK_EQ(disk.Word(kAtSize), 1 * kMiB + 512);
}

TEST(ADiskTooLargeForAnyL1TableIsRefused) {
  WritableDisk disk(ImageBuilder(ImageShape{.cluster_bits = 9, .size = 32 * kKiB}));
  CHECK_ERRNO(disk.Run(disk.image.Truncate(std::uint64_t{1} << 50, Prealloc::kOff)), EFBIG);
  CHECK_EQ(disk.image.size(), 32 * kKiB);
}

TEST(PreallocatedClustersAreThere) {
  for (const Prealloc prealloc : {Prealloc::kMetadata, Prealloc::kFalloc, Prealloc::kFull}) {
    WritableDisk disk{ImageBuilder()};
    disk.Truncate(2 * kMiB, prealloc);
    CHECK_EQ(disk.Status(1 * kMiB).data, true);
    CHECK(disk.Read(1 * kMiB, 2) == Of('\0', 2));
    CHECK_EQ(disk.Status(0).data, false);
  }
}

TEST(APreallocatedPartOfAnExtendedClusterIsNotYetThere) {
  WritableDisk disk{ImageBuilder(ImageShape{.extended = true})};
  disk.Truncate(2 * kMiB, Prealloc::kMetadata);
  CHECK(!disk.Status(1 * kMiB).allocated);
  disk.Write(1 * kMiB + 100, "abc");
  CHECK(disk.Read(1 * kMiB + 99, 5) == std::string("\0abc\0", 5));
}

TEST(AnEmptiedImageHasNothing) {
  WritableDisk disk(ImageBuilder().Data(0, 0, 'a').Data(1, 1, 'b'));
  disk.Zero(2 * kCluster, kCluster);
  CHECK_OK(disk.Run(static_cast<Qcow2Node&>(disk.image.node()).Empty()));
  for (std::uint64_t cluster = 0; cluster < 3; ++cluster) {
    CHECK(!disk.Status(cluster * kCluster).allocated);
  }
  CHECK_OK(disk.Close());
  CHECK_EQ(disk.Refcount(4) + disk.Refcount(5) + disk.Refcount(6), 0u);
}

}  // namespace
}  // namespace fusebay::qcow2::test
