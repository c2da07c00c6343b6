// Compressed writes: where their data goes, what becomes of what was there, and who reads it.
#include "compressed.h"
#include "core/loop_thread.h"
#include "core/run_on.h"
#include "core/scope.h"
#include "qcow2/qcow2_l2.h"
#include "writable_disk.h"

namespace fusebay::qcow2::test {
namespace {

constexpr WriteFlags kCompress{.compressed = true};

void Compress(WritableDisk& disk, std::uint64_t offset, const std::string& text) {
  CHECK_OK(disk.TryWrite(offset, text, kCompress));
}

TEST(CompressedClustersShareAHostCluster) {
  WritableDisk disk{ImageBuilder()};
  Compress(disk, 0, Of('a', kCluster) + Of('b', kCluster));
  disk.Flush();
  const CompressedPlace first = PlaceOf(16, disk.L2(0) & ~kCompressed);
  const CompressedPlace second = PlaceOf(16, disk.L2(1) & ~kCompressed);
  CHECK((disk.L2(0) & kCompressed) != 0 && (disk.L2(0) & kCopied) == 0);
  CHECK_EQ(first.offset, 5 * kCluster);
  CHECK(second.offset > first.offset && second.offset < first.offset + 512);
  CHECK_EQ(disk.Refcount(5), 2u);
  CHECK(disk.Read(0, 2 * kCluster) == Of('a', kCluster) + Of('b', kCluster));
}

TEST(WhatDoesNotGetSmallerIsStoredAsItIs) {
  WritableDisk disk{ImageBuilder()};
  const std::string noise = Noise(kCluster);
  Compress(disk, kCluster, noise);
  disk.Flush();
  CHECK_EQ(disk.L2(1), (5 * kCluster) | kCopied);
  CHECK(disk.Read(kCluster, kCluster) == noise);
}

TEST(ClustersOfZeroesBecomeZeroes) {
  WritableDisk disk(ImageBuilder().Data(0, 0, 'x'));
  Compress(disk, 0, Of('\0', kCluster));
  disk.Flush();
  CHECK_EQ(disk.L2(0), 1u);
  disk.Flush();
  CHECK_EQ(disk.Refcount(5), 0u);
}

TEST(InVersion2ZeroesOverABackingImageAreCompressed) {
  WritableDisk disk(ImageBuilder(ImageShape{.version = 2}), Of('b', kCluster));
  Compress(disk, 0, Of('\0', kCluster));
  disk.Flush();
  CHECK((disk.L2(0) & kCompressed) != 0);
  CHECK(disk.Read(0, kCluster) == Of('\0', kCluster));
}

TEST(PartsOfClustersAreStoredAsTheyAre) {
  WritableDisk disk(ImageBuilder(), Of('b', 4 * kCluster));
  Compress(disk, 100, Of('x', 2 * kCluster));
  disk.Flush();
  CHECK_EQ(disk.L2(0) & kCompressed, 0u);
  CHECK((disk.L2(1) & kCompressed) != 0);
  CHECK_EQ(disk.L2(2) & kCompressed, 0u);
  CHECK(disk.Read(0, 3 * kCluster) ==
        Of('b', 100) + Of('x', 2 * kCluster) + Of('b', kCluster - 100));
}

TEST(TheRestOfTheLastClusterIsZeroes) {
  WritableDisk disk(ImageBuilder(ImageShape{.size = kCluster + 1024}));
  Compress(disk, kCluster, Of('x', 1024));
  disk.Flush();
  CHECK((disk.L2(1) & kCompressed) != 0);
  disk.Truncate(2 * kCluster);
  CHECK(disk.Read(kCluster, kCluster) == Of('x', 1024) + Of('\0', kCluster - 1024));
}

TEST(WhatWasThereIsGivenBack) {
  WritableDisk disk(ImageBuilder().Data(0, 0, 'x'));
  Compress(disk, 0, Of('a', kCluster));
  disk.Flush();
  disk.Flush();
  CHECK_EQ(disk.Refcount(5), 0u);
  CHECK_EQ(disk.Refcount(6), 1u);
  disk.Write(0, Of('y', kCluster));
  disk.Flush();
  disk.Flush();
  CHECK_EQ(disk.Refcount(6), 0u);
  CHECK(disk.Read(0, kCluster) == Of('y', kCluster));
}

TEST(AHostClusterStaysWhileSomeCompressedClusterIsInIt) {
  WritableDisk disk{ImageBuilder()};
  Compress(disk, 0, Of('a', kCluster) + Of('b', kCluster));
  disk.Discard(0, kCluster);
  disk.Flush();
  disk.Flush();
  CHECK_EQ(disk.Refcount(5), 1u);
  CHECK(disk.Read(0, 2 * kCluster) == Of('\0', kCluster) + Of('b', kCluster));
}

TEST(SharedDataIsLeftToTheOtherWhoHasIt) {
  ImageBuilder image = ImageBuilder().Data(0, 0, 's');
  image.L2(0, image.DataAt(0));  // not "copied"
  WritableDisk disk(image);
  Compress(disk, 0, Of('a', kCluster));
  CHECK(disk.Read(0, kCluster) == Of('a', kCluster));
  CHECK(disk.File(5 * kCluster, kCluster) == Of('s', kCluster));
}

// The new cluster is as long as the old one, so it gets the same descriptor.
TEST(AClusterInThePlaceOfAnotherIsNotTakenForIt) {
  WritableDisk disk{ImageBuilder()};
  Compress(disk, 0, Of('a', kCluster));
  disk.Flush();
  const std::uint64_t descriptor = disk.L2(0);
  CHECK_EQ(disk.Read(5, 3), "aaa");
  disk.Discard(0, kCluster);
  disk.Flush();
  Compress(disk, kCluster, Of('b', kCluster));
  disk.Flush();
  CHECK_EQ(disk.L2(1), descriptor);
  CHECK_EQ(disk.Read(kCluster + 5, 3), "bbb");
}

TEST(SubclustersGiveWayToACompressedCluster) {
  WritableDisk disk(ImageBuilder(ImageShape{.extended = true}).Data(0, 0, 'x'));
  disk.Zero(2048, 2048);
  Compress(disk, 0, Of('a', kCluster));
  disk.Flush();
  CHECK((disk.L2(0) & kCompressed) != 0);
  CHECK_EQ(disk.Word(ImageBuilder::kL2Cluster * kCluster + 8), 0u);
  disk.Write(5, "bcd");
  CHECK_EQ(disk.Read(3, 7), "aabcdaa");
}

TEST(ADamagedEntryIsNotOverwritten) {
  WritableDisk disk(ImageBuilder().L2(1, kCopied | 2));
  CHECK_ERRNO(disk.TryWrite(0, Of('a', 2 * kCluster), kCompress), EIO);
  CHECK_EQ(disk.Refcount(5), 0u);
}

TEST(AForcedCompressedWriteIsOnTheDisk) {
  WritableDisk disk{ImageBuilder()};
  CHECK_OK(disk.TryWrite(0, Of('a', kCluster), {.fua = true, .compressed = true}));
  CHECK((disk.L2(0) & kCompressed) != 0);
  CHECK_EQ(disk.Refcount(5), 1u);
}

TEST(ADataFileTakesNothingCompressed) {
  WritableDisk disk(ImageBuilder().Set64(kAtIncompatible, kIncompatibleDataFile));
  CHECK(!disk.image.node().can_compress());
  CHECK(WritableDisk(ImageBuilder()).image.node().can_compress());
}

// One of several who write and read clusters of their own; all share host clusters.
Task<Unit> KeepWriting(const BlockRef& image, std::uint64_t first, char value, int& wrong) {
  std::string text;
  std::string found(2 * kCluster, '?');
  for (int round = 0; round < 20; ++round) {
    text = Of(static_cast<char>(value + round), 2 * kCluster);
    const iovec from{text.data(), text.size()};
    const iovec into{found.data(), found.size()};
    const bool packed = round % 3 != 2;
    const Result<> written =
        co_await image.Write(first * kCluster, IoVec::Of(from), {.compressed = packed});
    const Result<> read = co_await image.Read(first * kCluster, IoVec::Of(into));
    wrong += written.ok() && read.ok() && found == text ? 0 : 1;
    if (round % 4 == 3) {
      const Result<> flushed = co_await image.Flush(FlushMode::kDisk);
      wrong += flushed.ok() ? 0 : 1;
    }
  }
  co_return Unit{};
}

Task<int> WriteTwo(const BlockRef& image, std::uint64_t first) {
  TaskScope scope;
  int wrong = 0;
  scope.Spawn(KeepWriting(image, first, 'a', wrong));
  scope.Spawn(KeepWriting(image, first + 2, 'A', wrong));
  co_await scope.Join();
  co_return wrong;
}

Task<Unit> WriteHere(const BlockRef& image, int& wrong) {
  wrong = co_await WriteTwo(image, 0);
  co_return Unit{};
}

Task<Unit> WriteOnBoth(const BlockRef& image, AioContext& other, int& here, int& there) {
  TaskScope scope;
  scope.Spawn(WriteHere(image, here));
  there = co_await RunOn(other, WriteTwo(image, 4));
  co_await scope.Join();
  co_return Unit{};
}

TEST(SeveralLoopsPackTogether) {
  WritableDisk disk{ImageBuilder()};
  WorkerPool workers;
  auto other = LoopThread::Start({.name = "other"}, workers);
  CHECK_OK(other);
  int here = -1;
  int there = -1;
  disk.Run(WriteOnBoth(disk.image, (*other)->loop(), here, there));
  CHECK_EQ(here, 0);
  CHECK_EQ(there, 0);
  CHECK_OK(disk.Close());
}

}  // namespace
}  // namespace fusebay::qcow2::test
