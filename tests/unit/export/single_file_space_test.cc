// SingleFileFs: the size, holes and preallocated space.
#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

#include "single_file_fixture.h"

namespace fusebay::test {

namespace {

const SingleFileOptions kReadOnly{};
const SingleFileOptions kGrowable{.writable = true, .growable = true};
constexpr std::uint64_t kBlock = 65536;

// Counts who waits for the writes that it holds.
class DelayingKernel final : public fuse::FuseNotifier {
 public:
  void InvalidateInode(fuse::NodeId, std::int64_t offset, std::int64_t) override {
    asked_from = offset;
  }
  void InvalidateEntry(fuse::NodeId, std::string_view) override {}
  void Resend() override {}
  Result<> WaitUntilTaken(std::chrono::milliseconds) override {
    ++waits;
    return outcome;
  }
  std::int64_t asked_from = -1;
  std::atomic<int> waits{0};
  Result<> outcome = Ok();
};

}  // namespace

TEST(AnyWritableExportIsResizedByAnyNumberOfBytes) {
  FileUnderTest file(100);
  CHECK_OK(file.Truncate(777));
  CHECK_EQ(file.size(), 777u);
  CHECK_OK(file.Truncate(3));
  CHECK_EQ(file.size(), 3u);
}

TEST(WhatComesBackAfterAShrinkIsZeroes) {
  FileUnderTest file(10);
  CHECK_OK(file.Write(0, "0123456789"));
  CHECK_OK(file.Truncate(4));
  CHECK_OK(file.Truncate(8));
  CHECK_EQ(file.Read(0, 20), "0123" + Zeroes(4));
}

TEST(OpenTruncateLeavesAFixedDiskAlone) {
  FileUnderTest file(10);
  CHECK_OK(file.Write(0, "abc"));
  CHECK_OK(file.Set({.size = 0, .open_truncate = true}, false));
  CHECK_EQ(file.Read(0, 3), "abc");
  CHECK_OK(file.Set({.size = 5}, false));
  CHECK_EQ(file.size(), 5u);
  CHECK_OK(file.Truncate(0));
  CHECK_EQ(file.size(), 0u);
}

TEST(OpenTruncateEmptiesAGrowableOne) {
  FileUnderTest file(10, kGrowable);
  CHECK_OK(file.Set({.size = 0, .open_truncate = true}, false));
  CHECK_EQ(file.size(), 0u);
}

TEST(PunchedBytesAreZeroes) {
  FileUnderTest file(4 * kBlock);
  CHECK_OK(file.Write(kBlock - 2, "abcd"));
  CHECK_OK(file.Fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, kBlock - 1, 2));
  CHECK_EQ(file.Read(kBlock - 2, 4), "a" + Zeroes(2) + "d");
}

TEST(PunchPastTheEndDoesNothing) {
  FileUnderTest file(100);
  CHECK_OK(file.Write(90, "abcdefghij"));
  CHECK_OK(file.Fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 50));
  CHECK_OK(file.Fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 95, 1000));
  CHECK_EQ(file.size(), 100u);
  CHECK_EQ(file.Read(90, 10), "abcde" + Zeroes(5));
}

TEST(ZeroRangeGrowsUnlessToldToKeepTheSize) {
  FileUnderTest file(100);
  CHECK_OK(file.Write(96, "abcd"));
  CHECK_OK(file.Fallocate(FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 98, 10));
  CHECK_EQ(file.size(), 100u);
  CHECK_EQ(file.Read(96, 4), "ab" + Zeroes(2));
  CHECK_OK(file.Fallocate(FALLOC_FL_ZERO_RANGE, 97, 10));
  CHECK_EQ(file.size(), 107u);
}

TEST(PreallocationGrowsPastTheEnd) {
  FileUnderTest file(100, {.writable = true}, "null-co");
  CHECK_OK(file.Fallocate(0, 100, 50));
  CHECK_EQ(file.size(), 150u);
  CHECK_OK(file.Fallocate(0, 1000, 50));
  CHECK_EQ(file.size(), 1050u);
  CHECK_ERRNO(file.Fallocate(FALLOC_FL_KEEP_SIZE, 1000, 100), EOPNOTSUPP);
  CHECK_EQ(file.size(), 1050u);
}

TEST(APreallocationThatTheNodeRefusesChangesNothing) {
  FileUnderTest file(100);
  CHECK_ERRNO(file.Fallocate(0, 100, 50), EOPNOTSUPP);
  CHECK_ERRNO(file.Fallocate(0, 1000, 50), EOPNOTSUPP);
  CHECK_EQ(file.size(), 100u);
}

TEST(OddFallocateModesAreRefused) {
  FileUnderTest file(100);
  CHECK_ERRNO(file.Fallocate(FALLOC_FL_PUNCH_HOLE, 0, 10), EINVAL);
  CHECK_ERRNO(file.Fallocate(FALLOC_FL_COLLAPSE_RANGE, 0, 10), EOPNOTSUPP);
  CHECK_ERRNO(file.Fallocate(FALLOC_FL_UNSHARE_RANGE, 0, 10), EOPNOTSUPP);
  CHECK_ERRNO(file.Fallocate(0, 0, 0), EINVAL);
  CHECK_ERRNO(file.Fallocate(0, BlockNode::kMaxSize, 10), EFBIG);
}

TEST(FallocateNeedsAWritableExport) {
  FileUnderTest file(100, kReadOnly);
  CHECK_ERRNO(file.Fallocate(0, 0, 10), EACCES);
}

TEST(SeekFindsDataAndHoles) {
  FileUnderTest file(4 * kBlock);
  CHECK_OK(file.Write(2 * kBlock, "x"));
  CHECK_EQ(*file.Seek(0, SEEK_DATA), 2 * kBlock);
  CHECK_EQ(*file.Seek(0, SEEK_HOLE), 0u);
  CHECK_EQ(*file.Seek(2 * kBlock, SEEK_HOLE), 3 * kBlock);
  CHECK_ERRNO(file.Seek(3 * kBlock, SEEK_DATA), ENXIO);
}

// A kernel that holds a delayed write, until the last writer has closed the file.
TEST(SeekAsksForDelayedWritesFirst) {
  FileUnderTest file(4 * kBlock);
  DelayingKernel kernel;
  file.fs().SetNotifier(&kernel);
  const Result<fuse::Opened> writer = file.Open(O_RDWR);
  const Result<fuse::Opened> reader = file.Open(O_RDONLY);
  CHECK_ERRNO(file.Seek(kBlock, SEEK_DATA), ENXIO);
  CHECK_EQ(kernel.asked_from, static_cast<std::int64_t>(kBlock));
  CHECK_OK(file.Close(*reader));
  CHECK_EQ(*file.Seek(0, SEEK_HOLE), 0u);
  CHECK_EQ(kernel.waits.load(), 2);
  CHECK_OK(file.Close(*writer));
  CHECK_EQ(*file.Seek(0, SEEK_HOLE), 0u);
  CHECK_EQ(kernel.waits.load(), 2);
}

TEST(SeekFindsNoHolesWhereDelayedWritesDoNotCome) {
  FileUnderTest file(4 * kBlock);
  DelayingKernel kernel;
  kernel.outcome = Errno{ETIMEDOUT};
  file.fs().SetNotifier(&kernel);
  CHECK_OK(file.Open(O_WRONLY));
  CHECK_EQ(*file.Seek(kBlock, SEEK_DATA), kBlock);
  CHECK_EQ(*file.Seek(kBlock, SEEK_HOLE), 4 * kBlock);
  CHECK_ERRNO(file.Seek(4 * kBlock, SEEK_HOLE), ENXIO);
}

TEST(SeekPastTheEndIsRefused) {
  FileUnderTest file(100);
  CHECK_ERRNO(file.Seek(100, SEEK_DATA), ENXIO);
  CHECK_ERRNO(file.Seek(100, SEEK_HOLE), ENXIO);
  CHECK_ERRNO(file.Seek(0, SEEK_SET), EINVAL);
}

}  // namespace fusebay::test
