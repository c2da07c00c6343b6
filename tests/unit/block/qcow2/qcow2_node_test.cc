// A qcow2 node on a file in memory: reads, status, failures, and what a read costs.
#include "qcow2/qcow2_node.h"

#include "compressed.h"
#include "count_allocations.h"
#include "qcow2_fixture.h"
#include "sim_engine.h"

namespace fusebay::qcow2 {
namespace {

using test::Compress;
using test::Disk;
using test::ImageBuilder;

constexpr std::uint64_t kCluster = 64 * kKiB;
constexpr std::uint64_t kZero = kReadsAsZeroes;

std::string Of(char value, std::size_t count) { return std::string(count, value); }

TEST(DataZeroesAndHolesAreRead) {
  Disk disk(ImageBuilder().Data(0, 0, 'a').L2(1, kZero).Data(3, 1, 'b'));
  CHECK_EQ(disk.image.size(), 1 * kMiB);
  CHECK(disk.Read(0, kCluster) == Of('a', kCluster));
  CHECK(disk.Read(kCluster - 1, 2) == Of('a', 1) + Of('\0', 1));
  CHECK(disk.Read(0, 5 * kCluster) ==
        Of('a', kCluster) + Of('\0', 2 * kCluster) + Of('b', kCluster) + Of('\0', kCluster));
  CHECK(disk.Read(1 * kMiB - 10, 10) == Of('\0', 10));
}

TEST(AdjacentClustersAreOneRead) {
  Disk disk(ImageBuilder().Data(0, 0, 'a').Data(1, 1, 'b').Data(2, 2, 'c').Data(3, 4, 'd'));
  disk.Read(0, 1);
  disk.file->reads = 0;
  CHECK(disk.Read(10, 3 * kCluster - 20) ==
        Of('a', kCluster - 10) + Of('b', kCluster) + Of('c', kCluster - 10));
  CHECK_EQ(disk.file->reads.load(), 1);
  disk.Read(0, 4 * kCluster);
  CHECK_EQ(disk.file->reads.load(), 3);
}

TEST(ACachedReadTakesNoFrameAndNoMemory) {
  Disk disk(ImageBuilder().Data(0, 0, 'a').Data(1, 1, 'b'));
  std::string bytes(kCluster, '?');
  const iovec iov{bytes.data(), bytes.size()};
  disk.Read(0, 1);
  const auto frames = FramePool::ThreadStats().frames;
  const auto before = ::fusebay::test::AllocationsOfThisThread();
  {
    const Task<Result<>> read = disk.image.Read(kCluster / 2, IoVec::Of(iov));
  }
  CHECK_EQ(FramePool::ThreadStats().frames, frames);
  CHECK_EQ(::fusebay::test::AllocationsOfThisThread(), before);
  CHECK(bytes == Of('a', kCluster / 2) + Of('b', kCluster / 2));
}

TEST(DataPastTheEndOfTheFileReadsAsZeroes) {
  ImageBuilder image;
  image.Data(0, 0, 'a').Data(1, 1, 'b');
  image.Cut(image.DataAt(1) + 100);
  Disk disk(image);
  CHECK(disk.Read(0, 2 * kCluster) == Of('a', kCluster) + Of('b', 100) + Of('\0', kCluster - 100));
  CHECK(disk.Read(kCluster + 100, 50) == Of('\0', 50));
}

TEST(AnUnknownEntryFailsOnlyItsOwnReads) {
  Disk disk(ImageBuilder().Data(0, 0, 'a').L2(1, 0x50000 | 2));
  CHECK(disk.Read(0, kCluster) == Of('a', kCluster));
  CHECK_ERRNO(disk.TryRead(kCluster, 1), EIO);
  CHECK_ERRNO(disk.TryRead(0, 2 * kCluster), EIO);
  CHECK_ERRNO(disk.Run(disk.image.Status(kCluster, 1)), EIO);
  CHECK(disk.Read(2 * kCluster, 1) == Of('\0', 1));
}

TEST(WrongL1EntriesFailReads) {
  for (const std::uint64_t entry : {0x40200u, 0x40001u, 0x7000000u}) {
    Disk disk(ImageBuilder().Set64(3 * kCluster, entry));
    CHECK_ERRNO(disk.TryRead(0, 1), EIO);
  }
}

TEST(AFailedReadOfATableIsTriedAgain) {
  Disk disk(ImageBuilder().Data(0, 0, 'a'));
  disk.file->fails = true;
  CHECK_ERRNO(disk.TryRead(0, 10), EIO);
  disk.file->fails = false;
  CHECK(disk.Read(0, 10) == Of('a', 10));
  disk.file->fails = true;
  CHECK_ERRNO(disk.TryRead(0, 10), EIO);
}

TEST(SubclustersAreReadOneByOne) {
  ImageBuilder image({.extended = true});
  image.Data(0, 0, 'a').L2(0, image.DataAt(0) | kCopied, 0x00000002'00000005);
  Disk disk(image);
  CHECK(disk.Read(0, 8 * kKiB) ==
        Of('a', 2 * kKiB) + Of('\0', 2 * kKiB) + Of('a', 2 * kKiB) + Of('\0', 2 * kKiB));
  CHECK_EQ(disk.Status(0, kCluster).length, 2 * kKiB);
  CHECK(disk.Status(2 * kKiB, kCluster).allocated);
  CHECK(disk.Status(2 * kKiB, kCluster).zero);
  CHECK(!disk.Status(6 * kKiB, kCluster).allocated);
}

TEST(CompressedAndOtherClustersAreReadTogether) {
  ImageBuilder image;
  image.Data(1, 0, 'd');
  Compress(image, 0, Of('x', kCluster));
  Compress(image, 2, Of('y', kCluster));
  Disk disk(image);
  disk.file->suspends = true;
  CHECK(disk.Read(1, 4 * kCluster - 1) ==
        Of('x', kCluster - 1) + Of('d', kCluster) + Of('y', kCluster) + Of('\0', kCluster));
}

TEST(StatusJoinsWhatGoesOn) {
  ImageBuilder image;
  image.Data(0, 0, 'a').Data(1, 1, 'b').L2(2, kZero).L2(3, kZero);
  Disk disk(image);
  const BlockStatus data = disk.Status(100, 1 * kMiB - 100);
  CHECK(data.data && data.allocated && !data.zero);
  CHECK_EQ(data.length, 2 * kCluster - 100);
  const BlockStatus zero = disk.Status(2 * kCluster, 1 * kMiB);
  CHECK(!zero.data && zero.allocated && zero.zero);
  CHECK_EQ(zero.length, 2 * kCluster);
  const BlockStatus rest = disk.Status(4 * kCluster, 1 * kMiB);
  CHECK(!rest.data && !rest.allocated && rest.zero);
  CHECK_EQ(rest.length, 1 * kMiB - 4 * kCluster);
  CHECK_EQ(disk.Status(0, 10).length, 10u);
}

TEST(StatusTellsThePlaceInTheFile) {
  ImageBuilder image;
  image.Data(0, 3, 'a').Data(1, 1, 'b').L2(3, kZero).L2(4, kZero | 0x50000);
  Compress(image, 2, Of('x', kCluster));
  Disk disk(image);
  const BlockStatus first = disk.Status(100, 1 * kMiB - 100);
  CHECK_EQ(first.length, kCluster - 100);
  CHECK(first.file == disk.file);
  CHECK_EQ(first.file_offset, image.DataAt(3) + 100);
  CHECK_EQ(disk.Status(kCluster, 1).file_offset, image.DataAt(1));
  CHECK(disk.Status(2 * kCluster, 1).file == nullptr);
  CHECK(disk.Status(3 * kCluster, 1).file == nullptr);
  CHECK(disk.Status(4 * kCluster, 1).file == disk.file);
  CHECK_EQ(disk.Status(4 * kCluster, 1).file_offset, 0x50000u);
}

TEST(LimitsTellTheClusterSize) {
  Disk disk((ImageBuilder()));
  CHECK_EQ(disk.image.node().limits().cluster_size, kCluster);
  CHECK_EQ(disk.image.node().limits().preferred_size, kCluster);
  CHECK_EQ(disk.image.node().limits().request_alignment, 1u);
  Disk small(ImageBuilder({.cluster_bits = 9, .size = 32 * kKiB}));
  CHECK_EQ(small.image.node().limits().preferred_size, 4096u);
}

TEST(InfoTellsOfCorruptionThatWasFound) {
  Disk disk(ImageBuilder().L2(1, 0x50000 | 2));
  const std::pair<std::string, ImageInfo::Value> fine{"corrupt", false};
  const std::pair<std::string, ImageInfo::Value> corrupt{"corrupt", true};
  CHECK(disk.Info().specific.at(4) == fine);
  CHECK_ERRNO(disk.TryRead(kCluster, 1), EIO);
  CHECK(disk.Info().specific.at(4) == corrupt);
}

struct Simulation {
  WorkerPool pool{1};
  ::fusebay::test::SimDisk device{1};
};

// A disk whose loop has a simulated clock.
class TimedDisk : private Simulation, public Disk {
 public:
  explicit TimedDisk(Change change = nullptr) : Disk(::fusebay::test::MakeSimLoop(device, pool)) {
    AddFile("file", ImageBuilder().Data(0, 0, 'a').bytes());
    Must(OpenOn("file", change));
  }
  void Wait(std::chrono::seconds time) { Run(loop().SleepFor(time)); }
  std::size_t held_slices() { return static_cast<Qcow2Node&>(image.node()).held_slices(); }
};

TEST(SlicesThatNobodyUsesGiveTheirMemoryBackInTime) {
  TimedDisk disk([](auto&, auto& own) { own.caches.cache_clean_interval = 10; });
  CHECK_EQ(disk.Read(0, 1), "a");
  disk.Wait(std::chrono::seconds(11));
  CHECK_EQ(disk.held_slices(), 1u);
  CHECK_EQ(disk.Read(0, 1), "a");
  disk.Wait(std::chrono::seconds(10));
  CHECK_EQ(disk.held_slices(), 1u);
  disk.Wait(std::chrono::seconds(10));
  CHECK_EQ(disk.held_slices(), 0u);
  CHECK_EQ(disk.Read(0, 1), "a");
}

TEST(ByDefaultThatTakesTenToTwentyMinutes) {
  TimedDisk disk;
  CHECK_EQ(disk.Read(0, 1), "a");
  disk.Wait(std::chrono::minutes(10));
  CHECK_EQ(disk.held_slices(), 1u);
  disk.Wait(std::chrono::minutes(11));
  CHECK_EQ(disk.held_slices(), 0u);
}

TEST(AnIntervalOf0KeepsEverything) {
  TimedDisk disk([](auto&, auto& own) { own.caches.cache_clean_interval = 0; });
  CHECK_EQ(disk.Read(0, 1), "a");
  disk.Wait(std::chrono::hours(24));
  CHECK_EQ(disk.held_slices(), 1u);
}

}  // namespace
}  // namespace fusebay::qcow2
