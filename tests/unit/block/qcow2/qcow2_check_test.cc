// What a check finds, what a repair makes of it, and that a power cut in between does no harm.
#include "qcow2/qcow2_check.h"

#include <random>

#include "check_fixture.h"

namespace fusebay::qcow2::test {
namespace {

constexpr std::uint64_t kFarAway = std::uint64_t{1} << 40;

void CheckClean(CheckedImage& image) {
  const CheckResult after = image.Check();
  CHECK_EQ(after.corruptions, 0u);
  CHECK_EQ(after.leaks, 0u);
  CHECK_EQ(after.check_errors, 0u);
}

TEST(ASoundImageIsClean) {
  CheckedImage image(ThreeClusters());
  const CheckResult result = image.Check();
  CHECK(result.clean());
  CHECK_EQ(result.total_clusters, 16u);
  CHECK_EQ(result.allocated_clusters, 3u);
  CHECK_EQ(result.fragmented_clusters, 0u);
  CHECK_EQ(result.image_end_offset, 8 * image.cluster());
  CHECK(image.said.empty());
}

TEST(ALookWritesNothing) {
  CheckedImage image(ThreeClusters());
  image.SetRefcount(5, 7).Set64(image.L2At(1), kFarAway);
  static_cast<void>(image.Check());
  CHECK(image.file->writes.empty());
}

TEST(LeaksAreFoundAndGivenBack) {
  CheckedImage image(ThreeClusters());
  image.Set64(image.L2At(5), 0);
  CHECK_EQ(image.Check().leaks, 1u);
  CHECK(image.Said("Leaked cluster 7 refcount=1 reference=0"));
  const CheckResult fixed = image.Check(CheckFix::kLeaks);
  CHECK_EQ(fixed.leaks_fixed, 1u);
  CHECK_EQ(fixed.leaks, 0u);
  CHECK_EQ(image.Refcount(7), 0u);
}

TEST(ARefcountThatIsTooLowIsRaisedInPlace) {
  CheckedImage image(ThreeClusters());
  image.SetRefcount(5, 0);
  CHECK_EQ(image.Check().corruptions, 2u);  // and "copied" is wrong
  CHECK(image.Said("ERROR cluster 5 refcount=0 reference=1"));
  CHECK_EQ(image.Check(CheckFix::kLeaks).corruptions, 2u);
  CHECK_EQ(image.Check(CheckFix::kAll).corruptions_fixed, 1u);
  CHECK_EQ(image.Refcount(5), 1u);
  CheckClean(image);
}

TEST(AClusterWithTwoUsersLosesItsCopiedFlags) {
  CheckedImage image(ThreeClusters());
  image.Set64(image.L2At(6), image.Get64(image.L2At(0)));
  CHECK(image.Check(CheckFix::kAll).clean());
  CHECK_EQ(image.Refcount(5), 2u);
  CHECK_EQ(image.Get64(image.L2At(0)) & kCopied, 0u);
  CHECK_EQ(image.Get64(image.L2At(6)) & kCopied, 0u);
}

TEST(CopiedFlagsAreSetWhereTheyAreMissing) {
  CheckedImage image(ThreeClusters());
  const std::uint64_t l1 = ImageBuilder::kL1Cluster * image.cluster();
  image.Set64(image.L2At(1), image.Get64(image.L2At(1)) & ~kCopied);
  image.Set64(l1, image.Get64(l1) & ~kCopied);
  CHECK_EQ(image.Check().corruptions, 2u);
  CHECK_EQ(image.Check(CheckFix::kLeaks).corruptions_fixed, 2u);
  CheckClean(image);
}

TEST(WhatLiesBeyondTheFileIsReportedAndStays) {
  CheckedImage image(ThreeClusters());
  image.Set64(image.L2At(1), kFarAway);
  const CheckResult result = image.Check(CheckFix::kAll);
  CHECK_EQ(result.corruptions, 1u);
  CHECK_EQ(image.Get64(image.L2At(1)), kFarAway);
  CHECK(image.Said("region exceeding the end of the file"));
}

TEST(ReservedBitsAreReported) {
  CheckedImage image(ThreeClusters());
  image.Set64(image.L2At(0), image.Get64(image.L2At(0)) | 0x100);
  CHECK_EQ(image.Check().corruptions, 1u);
  CHECK(image.Said("reserved bits set"));
}

TEST(AMissingBlockMakesANewStructureBehindTheEnd) {
  CheckedImage image(ThreeClusters());
  image.Set64(image.cluster(), 0);
  const std::uint64_t end = image.file->bytes.size();
  CHECK(image.Check(CheckFix::kAll).clean());
  CHECK(image.Said("Rebuilding refcount structure"));
  CHECK(image.Get64(kAtRefcountTableOffset) >= end);
  CheckClean(image);
}

TEST(WithoutMoreRoomTheStructureGoesWhereNothingIs) {
  ImageBuilder builder = ThreeClusters();
  builder.Bytes(builder.DataAt(5), std::string(4 * builder.cluster(), 'x'));
  CheckedImage image(builder);
  image.Set64(image.cluster(), image.cluster() * 3);
  image.file->can_resize = false;
  CHECK(image.Check(CheckFix::kAll).clean());
  CHECK(image.Get64(kAtRefcountTableOffset) >= 8 * image.cluster());
}

TEST(ARefcountTableBeyondTheFileIsReplaced) {
  CheckedImage image(ThreeClusters());
  image.Set64(kAtRefcountTableOffset, kFarAway);
  CHECK(image.Check().corruptions > 0);
  CHECK(image.Check(CheckFix::kLeaks).corruptions > 0);
  CHECK(image.Said("ERROR need to rebuild refcount structures"));
  CHECK(image.Check(CheckFix::kAll).clean());
}

// Or a write of the guest would destroy it.
TEST(ANewStructureIsNotPutWhereAnEntryRefersTo) {
  CheckedImage image(ThreeClusters());
  const std::uint64_t end = image.file->bytes.size();
  image.Set64(image.L2At(1), end | kCopied).Set64(image.cluster(), 0);
  static_cast<void>(image.Check(CheckFix::kAll));
  CHECK(image.Get64(kAtRefcountTableOffset) > end);
  CheckClean(image);
}

TEST(TheBitsAreClearedOnlyWhenNothingIsWrong) {
  CheckedImage image(ThreeClusters());
  image.Set64(kAtIncompatible, kIncompatibleDirty | kIncompatibleCorrupt);
  image.Set64(image.L2At(1), kFarAway);
  static_cast<void>(image.Check(CheckFix::kAll));
  CHECK_EQ(image.Get64(kAtIncompatible), kIncompatibleDirty | kIncompatibleCorrupt);
  image.Set64(image.L2At(1), 0);
  CHECK(image.Check(CheckFix::kAll).clean());
  CHECK_EQ(image.Get64(kAtIncompatible), 0u);
}

TEST(ARepairClearsFeaturesThatItDoesNotKnow) {
  CheckedImage image(ThreeClusters());
  image.Set64(kAtAutoclear, 1u << 5 | kAutoclearDataFileRaw).SetRefcount(5, 3);
  CHECK(image.Check(CheckFix::kAll).clean());
  CHECK_EQ(image.Get64(kAtAutoclear), kAutoclearDataFileRaw);
}

TEST(ADirtyImageIsRepairedAtOpen) {
  CheckedImage image(ThreeClusters());
  image.Set64(kAtIncompatible, kIncompatibleDirty).SetRefcount(5, 0).SetRefcount(6, 9);
  CHECK_OK(image.Repair());
  CHECK_EQ(image.Get64(kAtIncompatible), 0u);
  CheckClean(image);
}

TEST(ADirtyImageThatStaysCorruptIsRefused) {
  CheckedImage image(ThreeClusters());
  image.Set64(kAtIncompatible, kIncompatibleDirty).Set64(image.L2At(1), kFarAway);
  CHECK_MESSAGE(image.Repair(), "disk.qcow2: the image was not closed properly");
  CHECK_EQ(image.Get64(kAtIncompatible), kIncompatibleDirty);
}

TEST(AWriteErrorNamesTheFile) {
  CheckedImage image(ThreeClusters());
  image.SetRefcount(5, 2);
  image.file->fails = true;
  CHECK_MESSAGE(image.TryCheck(CheckFix::kAll), "disk.qcow2: cannot");
}

TEST(ManyUnalignedTablesAreRefused) {
  ImageBuilder builder(ImageShape{.size = std::uint64_t{4096} << 29});
  builder.Set32(kAtL1Entries, 4096);
  builder.Bytes(5 * builder.cluster(), std::string(64 * builder.cluster(), '\0'));
  for (std::uint64_t i = 1; i < 4096; ++i) {
    builder.Set64(ImageBuilder::kL1Cluster * builder.cluster() + i * 8, i * 512);
  }
  CheckedImage image(builder);
  CHECK_MESSAGE(image.TryCheck(), "L2 tables are not cluster aligned");
}

// Everything wrong at once that can be repaired.
void Damage(CheckedImage& image, bool rebuild) {
  image.Set64(kAtIncompatible, kIncompatibleDirty).SetRefcount(5, 0).SetRefcount(6, 4);
  image.Set64(image.L2At(7), image.Get64(image.L2At(5)));
  image.Set64(image.L2At(1), image.Get64(image.L2At(1)) & ~kCopied);
  if (rebuild) {
    image.Set64(image.cluster() + 8, CheckedImage::kBlockCluster * image.cluster());
  }
}

// What a power cut may leave: all of the epochs before, any of the writes of the last one.
std::vector<std::byte> AfterCut(std::vector<std::byte> bytes, const WritableFile& file,
                                std::size_t writes, std::mt19937& random) {
  const std::size_t epoch = writes == 0 ? 0 : file.writes[writes - 1].epoch;
  bytes.resize(file.bytes.size());
  for (std::size_t i = 0; i < writes; ++i) {
    const WritableFile::Write& write = file.writes[i];
    if (write.epoch < epoch || random() % 3 != 0) {
      std::copy(write.bytes.begin(), write.bytes.end(),
                bytes.begin() + static_cast<std::ptrdiff_t>(write.offset));
    }
  }
  return bytes;
}

void CutPowerDuringRepair(bool rebuild) {
  CheckedImage image(ThreeClusters());
  Damage(image, rebuild);
  const std::vector<std::byte> before = image.file->bytes;
  CHECK(image.Check(CheckFix::kAll).clean());
  CHECK(image.file->flushes > 2);
  std::mt19937 random(1);
  for (std::size_t writes = 0; writes <= image.file->writes.size(); ++writes) {
    CheckedImage cut(AfterCut(before, *image.file, writes, random));
    CHECK(cut.Check(CheckFix::kAll).clean());
    for (const std::uint64_t index : {0u, 1u, 5u, 7u}) {
      CHECK_EQ(cut.Get64(cut.L2At(index)) & kOffsetMask,
               image.Get64(image.L2At(index)) & kOffsetMask);
    }
  }
}

TEST(APowerCutDuringARepairInPlaceDoesNoHarm) { CutPowerDuringRepair(false); }

TEST(APowerCutDuringARebuildDoesNoHarm) { CutPowerDuringRepair(true); }

// The dirty bit goes last, when everything else is on the disk.
TEST(TheDirtyBitIsClearedAfterAFlush) {
  CheckedImage image(ThreeClusters());
  Damage(image, false);
  static_cast<void>(image.Check(CheckFix::kAll));
  const WritableFile::Write& last = image.file->writes.back();
  CHECK_EQ(last.offset, kAtIncompatible);
  CHECK(last.epoch > image.file->writes[image.file->writes.size() - 2].epoch);
}

}  // namespace
}  // namespace fusebay::qcow2::test
