// The shared cache: bounds, order, failures, and many loops at once.
#include "qcow2/table_cache.h"

#include <fstream>
#include <map>
#include <thread>

#include "loops.h"
#include "qcow2_fixture.h"

namespace fusebay::qcow2 {
namespace {

using test::Disk;

// Fills a block with its key, and counts.
class Numbers : public TableCache::Source {
 public:
  Task<Result<>> Load(std::uint64_t key, MutableByteSpan dst) override {
    ++loads;
    co_await AioContext::Current().Yield();
    if (fails) {
      co_return Errno{EIO};
    }
    for (std::size_t at = 0; at + 8 <= dst.size(); at += 8) {
      StoreBe<std::uint64_t>(dst.data() + at, key);
    }
    co_return Ok();
  }
  std::atomic<int> loads{0};
  std::atomic<bool> fails{false};
};

constexpr std::size_t kBlock = 512;

Task<Result<>> UseBlock(TableCache& cache, std::uint64_t key) {
  const Result<TableCache::Pin> pin = co_await cache.Get(key);
  if (!pin.ok()) {
    co_return pin.error();
  }
  CHECK_EQ(LoadBe<std::uint64_t>(pin->data()), key);
  CHECK_EQ(LoadBe<std::uint64_t>(pin->data() + kBlock - 8), key);
  co_return Ok();
}

Task<Unit> UseInto(TableCache& cache, std::uint64_t key, int& failures) {
  const Result<> used = co_await UseBlock(cache, key);
  failures += used.ok() ? 0 : 1;
  co_return Unit{};
}

Task<int> UseTogether(TableCache& cache, std::uint64_t first, std::uint64_t last, int times) {
  TaskScope scope;
  int failures = 0;
  for (int i = 0; i < times; ++i) {
    for (std::uint64_t key = first; key <= last; ++key) {
      scope.Spawn(UseInto(cache, key * 4096, failures));
    }
  }
  co_await scope.Join();
  co_return failures;
}

// A walk through 64 keys in a cache of 16, in an order of its own.
Task<Result<>> Walk(TableCache& cache, std::uint64_t seed) {
  for (int i = 0; i < 3000; ++i) {
    seed = seed * 6364136223846793005 + 1442695040888963407;
    const Result<> used = co_await UseBlock(cache, (seed >> 33) % 64 * 4096);
    if (!used.ok()) {
      co_return used;
    }
  }
  co_return Ok();
}

// A cache of so many blocks, and a loop to use it on.
struct Scene {
  explicit Scene(std::size_t blocks, std::size_t block_bytes = kBlock)
      : cache(numbers, block_bytes, blocks) {}

  Result<> Use(std::uint64_t key) { return disk.Run(UseBlock(cache, key)); }
  // Blocks `first` to `last` all at once, each so many times; how often that fails.
  int UseAll(std::uint64_t first, std::uint64_t last, int times) {
    return disk.Run(UseTogether(cache, first, last, times));
  }
  // Two walks on each of so many loops; how many fail.
  std::ptrdiff_t WalkOnLoops(std::size_t count) {
    ::fusebay::test::Loops loops(disk.workers(), count);
    std::vector<Task<Result<>>> walks;
    for (std::uint64_t i = 1; i <= 2 * count; ++i) {
      walks.push_back(Walk(cache, ::fusebay::test::Seed() + i));
    }
    return ::fusebay::test::CountFailures(disk.Run(loops.RunAll(std::move(walks))));
  }

  Disk disk;
  Numbers numbers;
  TableCache cache;
};

TEST(ABlockIsLoadedOnce) {
  Scene s(4);
  CHECK(!s.cache.TryPin(4096));
  CHECK_OK(s.Use(4096));
  CHECK(bool(s.cache.TryPin(4096)));
  CHECK_OK(s.Use(4096));
  CHECK_EQ(s.numbers.loads.load(), 1);
}

TEST(TheBlockUsedLongestAgoGoesFirst) {
  Scene s(2);
  CHECK_OK(s.Use(1));
  CHECK_OK(s.Use(2));
  CHECK(bool(s.cache.TryPin(1)));
  CHECK_OK(s.Use(3));
  CHECK(bool(s.cache.TryPin(1)));
  CHECK(!s.cache.TryPin(2));
}

TEST(APinnedBlockStays) {
  Scene s(2);
  CHECK_OK(s.Use(1));
  const TableCache::Pin pin = s.cache.TryPin(1);
  CHECK_EQ(s.UseAll(2, 9, 1), 0);
  CHECK_EQ(LoadBe<std::uint64_t>(pin.data()), 1u);
}

TEST(ManyWaitersCauseOneLoad) {
  Scene s(4);
  CHECK_EQ(s.UseAll(1, 1, 50), 0);
  CHECK_EQ(s.numbers.loads.load(), 1);
}

TEST(AFailureReachesEveryWaiterAndIsNotKept) {
  Scene s(4);
  s.numbers.fails = true;
  CHECK_EQ(s.UseAll(1, 1, 5), 5);
  CHECK_EQ(s.numbers.loads.load(), 1);
  s.numbers.fails = false;
  CHECK_OK(s.Use(4096));
}

TEST(MoreLoadsThanBlocksWaitForEachOther) {
  Scene s(1);
  CHECK_EQ(s.UseAll(1, 20, 3), 0);
}

TEST(AHitTakesNoFrameAndNoMemory) {
  Scene s(4);
  CHECK_OK(s.Use(4096));
  const auto before = FramePool::ThreadStats().frames;
  CHECK(bool(s.cache.TryPin(4096)));
  CHECK_EQ(FramePool::ThreadStats().frames, before);
}

TEST(FourLoopsShareACache) {
  for (const std::size_t blocks : {1u, 16u}) {
    CHECK_EQ(Scene(blocks).WalkOnLoops(4), 0);
  }
}

TEST(AForgottenBlockIsLoadedAgain) {
  Scene s(4);
  CHECK_OK(s.Use(4096));
  CHECK(s.cache.Forget(4096, 4097));
  CHECK(s.cache.Forget(8192, 8193));  // was never there
  CHECK(!s.cache.TryPin(4096));
  CHECK_OK(s.Use(4096));
  CHECK_EQ(s.numbers.loads.load(), 2);
}

TEST(ABlockInUseIsNotForgotten) {
  Scene s(4);
  CHECK_OK(s.Use(4096));
  const TableCache::Pin pin = s.cache.TryPin(4096);
  CHECK(!s.cache.Forget(4096, 4097));
  CHECK(s.cache.TryPin(4096));
}

TEST(MemoryIsGivenBackWhileLoopsUseTheCache) {
  Scene s(16);
  std::atomic<bool> done{false};
  std::thread cleaner([&] {
    while (!done) {
      s.cache.ReleaseUnused();
    }
  });
  const std::ptrdiff_t failures = s.WalkOnLoops(2);
  done = true;
  cleaner.join();
  CHECK_EQ(failures, 0);
}

TEST(WhatNobodyUsesGivesItsMemoryBack) {
  Scene s(8);
  CHECK_OK(s.Use(1));
  CHECK_OK(s.Use(2));
  s.cache.ReleaseUnused();
  CHECK_EQ(s.cache.held_blocks(), 2u);
  CHECK_OK(s.Use(2));
  s.cache.ReleaseUnused();
  CHECK_EQ(s.cache.held_blocks(), 1u);
  CHECK(!s.cache.TryPin(1));
  CHECK(bool(s.cache.TryPin(2)));
  CHECK_OK(s.Use(1));
  CHECK_EQ(s.numbers.loads.load(), 3);
}

TEST(ChangedAndUsedBlocksKeepTheirMemory) {
  Scene s(8);
  for (const std::uint64_t key : {1u, 2u, 3u}) {
    CHECK_OK(s.Use(key));
  }
  s.cache.MarkDirty(s.cache.TryPin(1));
  TableCache::Pin pin = s.cache.TryPin(2);
  s.cache.ReleaseUnused();
  s.cache.ReleaseUnused();
  CHECK_EQ(s.cache.held_blocks(), 2u);
  CHECK_EQ(LoadBe<std::uint64_t>(pin.data()), 2u);
  CHECK_EQ(s.cache.CollectDirty().size(), 1u);
  s.cache.Settle(true);
  pin = {};
  s.cache.ReleaseUnused();
  CHECK_EQ(s.cache.held_blocks(), 0u);
}

// Pages of this process that are in memory.
std::uint64_t ResidentPages() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  statm >> size >> resident;
  CHECK(statm.good());
  return resident;
}

TEST(TheSystemGetsTheMemoryThatIsGivenBack) {
  constexpr std::uint64_t kBlocks = 4096;
  Scene s(kBlocks, 4096);
  for (std::uint64_t key = 0; key < kBlocks; ++key) {
    CHECK_OK(s.disk.Run(s.cache.Load(key)));
  }
  const std::uint64_t full = ResidentPages();
  s.cache.ReleaseUnused();
  s.cache.ReleaseUnused();
  CHECK_EQ(s.cache.held_blocks(), 0u);
  CHECK(ResidentPages() + kBlocks * 9 / 10 < full);
  CHECK_OK(s.Use(17));
}

}  // namespace
}  // namespace fusebay::qcow2
