// Zeroes and discards of whole clusters, of parts, and with a backing image.
#include "writable_disk.h"

namespace fusebay::qcow2::test {
namespace {

constexpr std::uint64_t kUnit = 2 * kKiB;

TEST(WholeClustersBecomeZeroInTheMapAlone) {
  WritableDisk disk(ImageBuilder().Data(0, 0, 'a').Data(1, 1, 'b'));
  disk.Zero(0, kCluster);
  CHECK(disk.Read(0, kCluster) == Of('\0', kCluster));
  CHECK_EQ(disk.File(5 * kCluster, 2), "aa");
  disk.Flush();
  CHECK_EQ(disk.L2(0), (5 * kCluster) | kCopied | kReadsAsZeroes);
}

TEST(UnmappedZeroesGiveTheClusterBack) {
  WritableDisk disk(ImageBuilder().Data(0, 0, 'a'));
  disk.Zero(0, kCluster, {.may_unmap = true});
  CHECK_OK(disk.Close());
  CHECK_EQ(disk.L2(0), kReadsAsZeroes);
  CHECK_EQ(disk.Refcount(5), 0u);
}

TEST(PartsOfClustersAreWritten) {
  WritableDisk disk(ImageBuilder().Data(0, 0, 'a').Data(1, 1, 'b').Data(2, 2, 'c'));
  disk.Zero(kCluster - 2, kCluster + 4);
  CHECK(disk.Read(kCluster - 4, 4) == std::string("aa\0\0", 4));
  CHECK(disk.Read(2 * kCluster, 4) == std::string("\0\0cc", 4));
}

TEST(ZeroesHideTheBackingImage) {
  WritableDisk disk(ImageBuilder(), Of('b', 2 * kCluster));
  disk.Zero(0, kCluster);
  CHECK(disk.Read(kCluster - 1, 2) == std::string("\0b", 2));
}

TEST(ADiscardedClusterDoesNotShowTheBackingImage) {
  WritableDisk disk(ImageBuilder().Data(0, 0, 'a'), Of('b', 2 * kCluster));
  disk.Discard(0, 2 * kCluster);
  CHECK(disk.Read(0, 2) == Of('\0', 2));
  CHECK_EQ(disk.Read(kCluster, 2), "bb");
}

TEST(PartOfAClusterIsNotDiscarded) {
  WritableDisk disk(ImageBuilder().Data(0, 0, 'a'));
  disk.Discard(100, kCluster - 100);
  CHECK_EQ(disk.Read(200, 2), "aa");
}

TEST(Version2HasNoZeroClustersButCanFreeThem) {
  WritableDisk disk(ImageBuilder(ImageShape{.version = 2}).Data(0, 0, 'a'));
  disk.Zero(0, kCluster);
  disk.Flush();
  CHECK_EQ(disk.L2(0), 0u);
  CHECK(disk.Read(0, 2) == Of('\0', 2));
}

TEST(Version2WithABackingImageWritesZeroes) {
  WritableDisk disk(ImageBuilder(ImageShape{.version = 2}), Of('b', kCluster));
  CHECK_ERRNO(disk.Run(disk.image.WriteZeroes(0, kCluster, {.no_fallback = true})), ENOTSUP);
  disk.Zero(0, kCluster);
  CHECK(disk.Read(0, 2) == Of('\0', 2));
}

TEST(DetectedZeroesAreWrittenWhereTheImageHasNoZeroClusters) {
  WritableDisk disk(ImageBuilder(ImageShape{.version = 2}), Of('b', kCluster));
  CHECK_OK(disk.Close());
  disk.detect_zeroes = DetectZeroes::kOn;
  disk.Open();
  disk.Write(0, Of('\0', kCluster));
  CHECK(disk.Read(0, 2) == Of('\0', 2));
  CHECK_EQ(disk.Status(0).depth, 0u);
}

TEST(DetectedZeroesBecomeZeroClusters) {
  WritableDisk disk(ImageBuilder().Data(0, 0, 'a'));
  CHECK_OK(disk.Close());
  disk.detect_zeroes = DetectZeroes::kOn;
  disk.Open();
  disk.Write(0, Of('\0', kCluster + 512));
  disk.Flush();
  CHECK_EQ(disk.L2(0), (5 * kCluster) | kCopied | kReadsAsZeroes);
  CHECK_EQ(disk.L2(1), 0u);
}

TEST(SubclustersBecomeZeroOneByOne) {
  WritableDisk disk(ImageBuilder(ImageShape{.extended = true}).Data(0, 0, 'a'));
  disk.Zero(kUnit, kUnit, {.may_unmap = true});
  disk.Flush();
  CHECK_EQ(disk.Word(ImageBuilder::kL2Cluster * kCluster + 8), 0x00000002'fffffffdu);
  CHECK(disk.Read(kUnit - 1, 2) == std::string("a\0", 2));
}

}  // namespace
}  // namespace fusebay::qcow2::test
