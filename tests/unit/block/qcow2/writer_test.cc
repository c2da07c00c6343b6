// Writes in place, what is refused, and an image that turns out to be corrupt.
#include "qcow2/writer.h"

#include "writable_disk.h"

namespace fusebay::qcow2::test {
namespace {

TEST(DataIsWrittenInPlace) {
  WritableDisk disk(ImageBuilder().Data(0, 0, 'a').Data(1, 1, 'b'));
  disk.Write(kCluster - 2, "1234");
  CHECK_EQ(disk.Read(kCluster - 4, 8), "aa1234bb");
  CHECK_EQ(disk.File(6 * kCluster - 4, 8), "aa1234bb");
}

TEST(AutoclearBitsThatWeDoNotKeepAreClearedByTheFirstChange) {
  WritableDisk disk(ImageBuilder().Set64(kAtAutoclear, kAutoclearDataFileRaw | 0x80));
  CHECK_EQ(disk.Word(kAtAutoclear), kAutoclearDataFileRaw | 0x80);
  disk.Write(0, "abc");
  CHECK_EQ(disk.Word(kAtAutoclear), kAutoclearDataFileRaw);
}

TEST(DataOverATableMarksTheImageCorrupt) {
  for (const std::uint64_t table :
       {std::uint64_t{1}, std::uint64_t{2}, ImageBuilder::kL1Cluster, ImageBuilder::kL2Cluster}) {
    WritableDisk disk(ImageBuilder().L2(0, (table * kCluster) | kCopied));
    CHECK_ERRNO(disk.TryWrite(0, "abc"), EIO);
    CHECK_EQ(disk.Word(kAtIncompatible), kIncompatibleCorrupt);
    CHECK_ERRNO(disk.TryWrite(5 * kCluster, "abc"), EIO);
    disk.image = BlockRef();
    const auto closed = disk.Run(disk.graph.Remove("image"));
    static_cast<void>(closed.ok());
  }
}

TEST(AnImageWithTwoTablesInOnePlaceIsNotWritten) {
  WritableDisk disk{ImageBuilder()};
  CHECK_OK(disk.Close());
  std::uint64_t entry = 0;
  StoreBe(&entry, (2 * kCluster) | kCopied);  // the L2 table is the refcount block
  const iovec iov{&entry, sizeof entry};
  CHECK_OK(
      disk.Run(disk.Use("file").Write(ImageBuilder::kL1Cluster * kCluster, IoVec::Of(iov), {})));
  CHECK_MESSAGE(disk.TryOpen(), "two of its tables lie in one place");
}

TEST(ACorruptImageIsNotOpenedForWriting) {
  WritableDisk disk{ImageBuilder()};
  CHECK_OK(disk.Close());
  std::uint64_t corrupt = 0;
  StoreBe(&corrupt, kIncompatibleCorrupt);
  const iovec iov{&corrupt, sizeof corrupt};
  CHECK_OK(disk.Run(disk.Use("file").Write(kAtIncompatible, IoVec::Of(iov), {})));
  CHECK_MESSAGE(disk.TryOpen(), "marked as corrupt");
}

TEST(AnImageWhoseSnapshotLiesAboutItsTableIsNotWritten) {
  ImageBuilder image;
  const std::uint64_t at = image.DataAt(0);
  image.Set64(kAtSnapshotsOffset, at).Set64(at, 3 * kCluster).Set32(at + 8, 0x10000000);
  image.Set32(at + 12, 1 << 16 | 1).Bytes(at + kSnapshotFixedBytes, "1a");
  WritableDisk disk(image);
  CHECK_OK(disk.Close());
  std::uint32_t count = 0;
  StoreBe(&count, std::uint32_t{1});
  const iovec iov{&count, sizeof count};
  CHECK_OK(disk.Run(disk.Use("file").Write(kAtSnapshotCount, IoVec::Of(iov), {})));
  CHECK_MESSAGE(disk.TryOpen(), "L1 table of snapshot '1' too large");
}

TEST(DataPastTheEndOfTheFileMakesItLonger) {
  WritableDisk disk(ImageBuilder().L2(0, (40 * kCluster) | kCopied));
  disk.Write(0, "abc");
  CHECK_EQ(disk.Read(0, 4), std::string("abc\0", 4));
}

}  // namespace
}  // namespace fusebay::qcow2::test
