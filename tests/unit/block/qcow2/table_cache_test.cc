// The shared cache: bounds, order, failures, and many loops at once.
#include "qcow2/table_cache.h"

#include <fstream>
#include <map>
#include <thread>

#include "core/loop_thread.h"
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

Task<Result<>> Use(TableCache& cache, std::uint64_t key) {
  const Result<TableCache::Pin> pin = co_await cache.Get(key);
  if (!pin.ok()) {
    co_return pin.error();
  }
  CHECK_EQ(LoadBe<std::uint64_t>(pin->data()), key);
  CHECK_EQ(LoadBe<std::uint64_t>(pin->data() + kBlock - 8), key);
  co_return Ok();
}

Task<Unit> UseInto(TableCache& cache, std::uint64_t key, int& failures) {
  const Result<> used = co_await Use(cache, key);
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

TEST(ABlockIsLoadedOnce) {
  Disk disk;
  Numbers numbers;
  TableCache cache(numbers, kBlock, 4);
  CHECK(!cache.TryPin(4096));
  CHECK_OK(disk.Run(Use(cache, 4096)));
  CHECK(bool(cache.TryPin(4096)));
  CHECK_OK(disk.Run(Use(cache, 4096)));
  CHECK_EQ(numbers.loads.load(), 1);
}

TEST(TheBlockUsedLongestAgoGoesFirst) {
  Disk disk;
  Numbers numbers;
  TableCache cache(numbers, kBlock, 2);
  CHECK_OK(disk.Run(Use(cache, 1)));
  CHECK_OK(disk.Run(Use(cache, 2)));
  CHECK(bool(cache.TryPin(1)));
  CHECK_OK(disk.Run(Use(cache, 3)));
  CHECK(bool(cache.TryPin(1)));
  CHECK(!cache.TryPin(2));
}

TEST(APinnedBlockStays) {
  Disk disk;
  Numbers numbers;
  TableCache cache(numbers, kBlock, 2);
  CHECK_OK(disk.Run(Use(cache, 1)));
  const TableCache::Pin pin = cache.TryPin(1);
  CHECK_EQ(disk.Run(UseTogether(cache, 2, 9, 1)), 0);
  CHECK_EQ(LoadBe<std::uint64_t>(pin.data()), 1u);
}

TEST(ManyWaitersCauseOneLoad) {
  Disk disk;
  Numbers numbers;
  TableCache cache(numbers, kBlock, 4);
  CHECK_EQ(disk.Run(UseTogether(cache, 1, 1, 50)), 0);
  CHECK_EQ(numbers.loads.load(), 1);
}

TEST(AFailureReachesEveryWaiterAndIsNotKept) {
  Disk disk;
  Numbers numbers;
  numbers.fails = true;
  TableCache cache(numbers, kBlock, 4);
  CHECK_EQ(disk.Run(UseTogether(cache, 1, 1, 5)), 5);
  CHECK_EQ(numbers.loads.load(), 1);
  numbers.fails = false;
  CHECK_OK(disk.Run(Use(cache, 4096)));
}

TEST(MoreLoadsThanBlocksWaitForEachOther) {
  Disk disk;
  Numbers numbers;
  TableCache cache(numbers, kBlock, 1);
  CHECK_EQ(disk.Run(UseTogether(cache, 1, 20, 3)), 0);
}

TEST(AHitTakesNoFrameAndNoMemory) {
  Disk disk;
  Numbers numbers;
  TableCache cache(numbers, kBlock, 4);
  CHECK_OK(disk.Run(Use(cache, 4096)));
  const auto before = FramePool::ThreadStats().frames;
  CHECK(bool(cache.TryPin(4096)));
  CHECK_EQ(FramePool::ThreadStats().frames, before);
}

// A walk through 64 keys in a cache of 16, in an order of its own.
Task<Result<>> WalkOnALoop(TableCache& cache, std::uint64_t seed) {
  for (int i = 0; i < 3000; ++i) {
    seed = seed * 6364136223846793005 + 1442695040888963407;
    const Result<> used = co_await Use(cache, (seed >> 33) % 64 * 4096);
    if (!used.ok()) {
      co_return used;
    }
  }
  co_return Ok();
}

Task<Unit> WalkFromHere(AioContext& loop, TableCache& cache, std::uint64_t seed, int& failures) {
  const Result<> walked = co_await RunOn(loop, WalkOnALoop(cache, seed));
  failures += walked.ok() ? 0 : 1;
  co_return Unit{};
}

Task<int> WalkOnAll(const std::vector<std::unique_ptr<LoopThread>>& loops, TableCache& cache) {
  TaskScope scope;
  int failures = 0;
  std::uint64_t seed = ::fusebay::test::Seed();
  for (const auto& loop : loops) {
    scope.Spawn(WalkFromHere(loop->loop(), cache, ++seed, failures));
    scope.Spawn(WalkFromHere(loop->loop(), cache, ++seed, failures));
  }
  co_await scope.Join();
  co_return failures;
}

TEST(FourLoopsShareACache) {
  Disk disk;
  Numbers numbers;
  for (const std::size_t blocks : {1u, 16u}) {
    TableCache cache(numbers, kBlock, blocks);
    std::vector<std::unique_ptr<LoopThread>> loops;
    for (int i = 0; i < 4; ++i) {
      auto loop = LoopThread::Start(AioContextOptions{}, disk.workers());
      CHECK_OK(loop);
      loops.push_back(std::move(*loop));
    }
    CHECK_EQ(disk.Run(WalkOnAll(loops, cache)), 0);
  }
}

TEST(AForgottenBlockIsLoadedAgain) {
  Disk disk;
  Numbers numbers;
  TableCache cache(numbers, kBlock, 4);
  CHECK_OK(disk.Run(Use(cache, 4096)));
  CHECK(cache.Forget(4096, 4097));
  CHECK(cache.Forget(8192, 8193));  // was never there
  CHECK(!cache.TryPin(4096));
  CHECK_OK(disk.Run(Use(cache, 4096)));
  CHECK_EQ(numbers.loads.load(), 2);
}

TEST(ABlockInUseIsNotForgotten) {
  Disk disk;
  Numbers numbers;
  TableCache cache(numbers, kBlock, 4);
  CHECK_OK(disk.Run(Use(cache, 4096)));
  const TableCache::Pin pin = cache.TryPin(4096);
  CHECK(!cache.Forget(4096, 4097));
  CHECK(cache.TryPin(4096));
}

TEST(MemoryIsGivenBackWhileLoopsUseTheCache) {
  Disk disk;
  Numbers numbers;
  TableCache cache(numbers, kBlock, 16);
  std::vector<std::unique_ptr<LoopThread>> loops;
  for (int i = 0; i < 2; ++i) {
    auto loop = LoopThread::Start(AioContextOptions{}, disk.workers());
    CHECK_OK(loop);
    loops.push_back(std::move(*loop));
  }
  std::atomic<bool> done{false};
  std::thread cleaner([&] {
    while (!done) {
      cache.ReleaseUnused();
    }
  });
  const int failures = disk.Run(WalkOnAll(loops, cache));
  done = true;
  cleaner.join();
  CHECK_EQ(failures, 0);
}

TEST(WhatNobodyUsesGivesItsMemoryBack) {
  Disk disk;
  Numbers numbers;
  TableCache cache(numbers, kBlock, 8);
  CHECK_OK(disk.Run(Use(cache, 1)));
  CHECK_OK(disk.Run(Use(cache, 2)));
  cache.ReleaseUnused();
  CHECK_EQ(cache.held_blocks(), 2u);
  CHECK_OK(disk.Run(Use(cache, 2)));
  cache.ReleaseUnused();
  CHECK_EQ(cache.held_blocks(), 1u);
  CHECK(!cache.TryPin(1));
  CHECK(bool(cache.TryPin(2)));
  CHECK_OK(disk.Run(Use(cache, 1)));
  CHECK_EQ(numbers.loads.load(), 3);
}

TEST(ChangedAndUsedBlocksKeepTheirMemory) {
  Disk disk;
  Numbers numbers;
  TableCache cache(numbers, kBlock, 8);
  for (const std::uint64_t key : {1u, 2u, 3u}) {
    CHECK_OK(disk.Run(Use(cache, key)));
  }
  cache.MarkDirty(cache.TryPin(1));
  TableCache::Pin pin = cache.TryPin(2);
  cache.ReleaseUnused();
  cache.ReleaseUnused();
  CHECK_EQ(cache.held_blocks(), 2u);
  CHECK_EQ(LoadBe<std::uint64_t>(pin.data()), 2u);
  CHECK_EQ(cache.CollectDirty().size(), 1u);
  cache.Settle(true);
  pin = {};
  cache.ReleaseUnused();
  CHECK_EQ(cache.held_blocks(), 0u);
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
  Disk disk;
  Numbers numbers;
  TableCache cache(numbers, 4096, kBlocks);
  for (std::uint64_t key = 0; key < kBlocks; ++key) {
    CHECK_OK(disk.Run(cache.Load(key)));
  }
  const std::uint64_t full = ResidentPages();
  cache.ReleaseUnused();
  cache.ReleaseUnused();
  CHECK_EQ(cache.held_blocks(), 0u);
  CHECK(ResidentPages() + kBlocks * 9 / 10 < full);
  CHECK_OK(disk.Run(Use(cache, 17)));
}

}  // namespace
}  // namespace fusebay::qcow2
