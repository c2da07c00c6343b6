// SingleFileFs: reading, writing, copying, flushing, and what is told to the client.
#include "block/graph_query.h"
#include "single_file_fixture.h"

namespace fusebay::test {

namespace {

const SingleFileOptions kReadOnly{};
const SingleFileOptions kGrowable{.writable = true, .growable = true};

class Observed final : public fuse::FuseNotifier {
 public:
  void InvalidateInode(fuse::NodeId, std::int64_t offset, std::int64_t length) override {
    ranges.emplace_back(offset, length);
  }
  void InvalidateEntry(fuse::NodeId, std::string_view) override {}
  void Resend() override {}
  Result<> WaitUntilTaken(std::chrono::milliseconds) override { return Ok(); }
  std::vector<std::pair<std::int64_t, std::int64_t>> ranges;
};

}  // namespace

TEST(WhatIsWrittenIsRead) {
  FileUnderTest file(100);
  CHECK_EQ(*file.Write(10, "hello"), 5u);
  CHECK_EQ(file.Read(10, 5), "hello");
  CHECK_EQ(file.Read(0, 10), Zeroes(10));
}

TEST(ReadIsShortAtTheEnd) {
  FileUnderTest file(100);
  CHECK_EQ(file.Read(95, 10).size(), 5u);
  CHECK_EQ(file.Read(100, 10).size(), 0u);
  CHECK_EQ(file.Read(1u << 30, 10).size(), 0u);
}

TEST(WriteToAReadOnlyExportIsRefused) {
  FileUnderTest file(100, kReadOnly);
  CHECK_ERRNO(file.Write(0, "x"), EACCES);
}

TEST(WriteOverTheEndIsShort) {
  FileUnderTest file(100);
  CHECK_EQ(*file.Write(98, "abcd"), 2u);
  CHECK_EQ(file.Read(98, 9), "ab");
  CHECK_EQ(file.size(), 100u);
}

TEST(WriteAtTheEndHasNoSpace) {
  FileUnderTest file(100);
  CHECK_ERRNO(file.Write(100, "a"), ENOSPC);
  CHECK_ERRNO(file.Write(500, "a"), ENOSPC);
  CHECK_EQ(file.size(), 100u);
}

// Nobody would ask again for the rest of a write that the kernel has delayed.
TEST(DelayedWriteOverTheEndIsAnError) {
  FileUnderTest file(10);
  CHECK_ERRNO(file.Write(8, "abcd", true), ENOSPC);
  CHECK_EQ(file.Read(8, 4), "ab");
  CHECK_EQ(*file.Write(8, "cd", true), 2u);
}

TEST(GrowableExportGrowsWithAHoleOfZeroes) {
  FileUnderTest file(10, kGrowable);
  CHECK_EQ(*file.Write(1001, "tail"), 4u);
  CHECK_EQ(file.size(), 1005u);
  CHECK_EQ(file.Read(10, 2000), Zeroes(991) + "tail");
}

TEST(WriteBeyondTheLargestSizeIsRefused) {
  FileUnderTest file(10, kGrowable);
  CHECK_ERRNO(file.Write(BlockNode::kMaxSize - 1, "ab"), EFBIG);
  CHECK_ERRNO(file.Truncate(BlockNode::kMaxSize + 1), EFBIG);
}

TEST(CopyWithinTheFile) {
  FileUnderTest file(100);
  CHECK_OK(file.Write(0, "hello"));
  CHECK_EQ(*file.Copy(0, 50, 5), 5u);
  CHECK_EQ(file.Read(50, 5), "hello");
}

TEST(CopyIsShortAtEitherEnd) {
  FileUnderTest file(100);
  CHECK_EQ(*file.Copy(95, 0, 50), 5u);
  CHECK_EQ(*file.Copy(0, 90, 50), 10u);
  CHECK_EQ(*file.Copy(100, 0, 5), 0u);
  CHECK_ERRNO(file.Copy(0, 100, 5), ENOSPC);
}

TEST(CopyOfNothingIsNothing) {
  FileUnderTest file(100);
  const Result<std::uint64_t> copied = file.Copy(0, 50, 0);
  CHECK_OK(copied);
  CHECK_EQ(*copied, 0u);
}

TEST(CopyGrowsAGrowableFile) {
  FileUnderTest file(5, kGrowable);
  CHECK_OK(file.Write(0, "hello"));
  CHECK_EQ(*file.Copy(0, 8, 5), 5u);
  CHECK_EQ(file.Read(0, 99), "hello" + Zeroes(3) + "hello");
}

TEST(ALongCopyArrivesWhole) {
  FileUnderTest file(8 << 20);
  CHECK_OK(file.Write((3 << 20) - 2, "edge"));
  CHECK_EQ(*file.Copy(0, 4 << 20, 4 << 20), std::uint64_t{4 << 20});
  CHECK_EQ(file.Read((7 << 20) - 2, 4), "edge");
}

TEST(EachPieceOfACopyIsCounted) {
  FileUnderTest file(8 << 20);
  CHECK_EQ(*file.Copy(0, 4 << 20, (2 << 20) + 5), std::uint64_t{(2 << 20) + 5});
  const std::vector<UserStats> users = CollectUserStats(file.graph());
  CHECK_EQ(users.size(), 1u);
  for (const IoKind kind : {IoKind::kRead, IoKind::kWrite}) {
    const IoStats::Kind& counted = users[0].stats.of(kind);
    CHECK_EQ(counted.operations, 3u);
    CHECK_EQ(counted.bytes, std::uint64_t{(2 << 20) + 5});
    CHECK_EQ(counted.failed, 0u);
  }
  CHECK_EQ(users[0].stats.write_highest_offset, std::uint64_t{(6 << 20) + 5});
}

TEST(AForeignWriteIsToldToTheClient) {
  FileUnderTest file(100);
  Observed observed;
  file.fs().SetNotifier(&observed);
  file.fs().OnWritten(10, 20);
  file.fs().OnResized(50);
  file.fs().SetNotifier(nullptr);
  file.fs().OnWritten(1, 1);
  CHECK_EQ(observed.ranges.size(), 2u);
  CHECK(observed.ranges[0] == std::make_pair(std::int64_t{10}, std::int64_t{20}));
  CHECK(observed.ranges[1] == std::make_pair(std::int64_t{0}, std::int64_t{0}));
}

TEST(FlushAndFsyncReachTheNode) {
  FileUnderTest file(100);
  CHECK_OK(file.Run(file.fs().Flush(file.caller(), FileUnderTest::kRoot, {}, 0)));
  CHECK_OK(file.Run(file.fs().Fsync(file.caller(), FileUnderTest::kRoot, {}, true)));
}

}  // namespace fusebay::test
