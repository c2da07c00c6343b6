// Coroutine frames are reused, and a request in steady state allocates nothing at all.
#include <vector>

#include "core/scope.h"
#include "core_fixture.h"
#include "count_allocations.h"

namespace fusebay::test {

namespace {

Task<std::int32_t> ReadOnce(AioContext& loop, int fd, const iovec& memory) {
  const std::int32_t n = co_await loop.Read(fd, 0, IoVec::Of(memory));
  co_return n;
}

Task<int> ReadTimes(AioContext& loop, int fd, const iovec& memory, int times) {
  int good = 0;
  for (int i = 0; i < times; ++i) {
    const std::int32_t n = co_await ReadOnce(loop, fd, memory);
    good += n == 7 ? 1 : 0;
  }
  co_return good;
}

Task<int> PollTimes(AioContext& loop, int fd, int times) {
  int good = 0;
  for (int i = 0; i < times; ++i) {
    const std::int32_t n = co_await loop.Poll(fd, 1);
    good += n == 1 ? 1 : 0;
  }
  co_return good;
}

Task<int> SleepTimes(AioContext& loop, int times) {
  for (int i = 0; i < times; ++i) {
    co_await loop.SleepFor(Nanoseconds(1));
  }
  co_return times;
}

// How many allocations `run` makes beyond those of a shorter run of the same.
template <class F>
std::uint64_t AllocationsOf(F run) {
  CHECK_EQ(run(10), 10);
  const std::uint64_t start = AllocationsOfThisThread();
  CHECK_EQ(run(10), 10);
  const std::uint64_t few = AllocationsOfThisThread() - start;
  CHECK_EQ(run(300), 300);
  return AllocationsOfThisThread() - start - 2 * few;
}

constexpr EngineKind kWaitKinds[] = {EngineKind::kIoUring, EngineKind::kThreads};

}  // namespace

TEST(FrameOfTheSameSizeIsReused) {
  void* const first = FramePool::Get(200);
  FramePool::Put(first, 200);
  const std::uint64_t mallocs = FramePool::ThreadStats().mallocs;
  void* const second = FramePool::Get(250);  // of the same 64-byte class
  CHECK(first == second);
  CHECK_EQ(FramePool::ThreadStats().mallocs, mallocs);
  FramePool::Put(second, 250);
}

TEST(LargeFramesAreNotKept) {
  FramePool::Put(FramePool::Get(5000), 5000);
  const std::uint64_t mallocs = FramePool::ThreadStats().mallocs;
  FramePool::Put(FramePool::Get(5000), 5000);
  CHECK_EQ(FramePool::ThreadStats().mallocs, mallocs + 1);
}

TEST(KeptFramesAreBounded) {
  std::vector<void*> frames(1000);
  for (void*& frame : frames) {
    frame = FramePool::Get(1000);
  }
  for (void* const frame : frames) {
    FramePool::Put(frame, 1000);
  }
  const std::uint64_t mallocs = FramePool::ThreadStats().mallocs;
  for (void*& frame : frames) {
    frame = FramePool::Get(1000);
  }
  CHECK(FramePool::ThreadStats().mallocs - mallocs >= 500);
  for (void* const frame : frames) {
    FramePool::Put(frame, 1000);
  }
}

TEST(ReadsAllocateNothing) {
  WorkerPool workers(1);
  const UniqueFd file = TemporaryFile();
  CHECK_EQ(::pwrite(file.get(), "fusebay", 7, 0), 7);
  char data[16];
  const iovec memory{data, sizeof data};
  for (const EngineKind kind : kWaitKinds) {
    const Loop loop = MakeLoop(workers, kind);
    CHECK_EQ(AllocationsOf([&](int times) {
               return loop->RunUntilDone(ReadTimes(*loop, file.get(), memory, times));
             }),
             0U);
  }
}

TEST(PollsAllocateNothing) {
  WorkerPool workers(1);
  const Pipe pipe;
  pipe.Put();
  for (const EngineKind kind : kWaitKinds) {
    const Loop loop = MakeLoop(workers, kind);
    CHECK_EQ(AllocationsOf([&](int times) {
               return loop->RunUntilDone(PollTimes(*loop, pipe.reader.get(), times));
             }),
             0U);
  }
}

TEST(TimersAllocateNothing) {
  WorkerPool workers(1);
  const Loop loop = MakeLoop(workers);
  CHECK_EQ(AllocationsOf([&](int times) { return loop->RunUntilDone(SleepTimes(*loop, times)); }),
           0U);
}

}  // namespace fusebay::test
