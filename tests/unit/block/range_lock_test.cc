// RangeLock: who waits for whom.
#include "range_lock.h"

#include <atomic>

#include "block_fixture.h"
#include "core/loop_thread.h"
#include "core/run_on.h"
#include "core/scope.h"

namespace fusebay::test {

namespace {

constexpr auto kShared = RangeLock::Mode::kShared;
constexpr auto kExclusive = RangeLock::Mode::kExclusive;

// Two visitors of one lock: the first stays for a while, the log says who came when.
struct Scene {
  Bench bench;
  RangeLock lock;
  std::string log;
};

Task<Unit> Visit(Scene& scene, std::string name, std::uint64_t begin, std::uint64_t end,
                 RangeLock::Mode mode) {
  RangeLock::Hold hold(scene.lock, begin, end, mode);
  co_await hold.Acquire();
  scene.log += name + "+";
  for (int i = 0; i < 5; ++i) {
    co_await scene.bench.loop->Yield();
  }
  scene.log += name + "-";
  co_return Unit{};
}

Task<Unit> Both(Scene& scene, Task<Unit> first, Task<Unit> second) {
  TaskScope scope;
  scope.Spawn(std::move(first));
  scope.Spawn(std::move(second));
  co_await scope.Join();
  co_return Unit{};
}

}  // namespace

TEST(AnExclusiveHoldKeepsOverlappingOnesOut) {
  Scene s;
  s.bench.Run(Both(s, Visit(s, "a", 0, 10, kExclusive), Visit(s, "b", 9, 20, kShared)));
  CHECK_EQ(s.log, "a+a-b+b-");
}

TEST(ASharedHoldKeepsAnExclusiveOneOut) {
  Scene s;
  s.bench.Run(Both(s, Visit(s, "a", 0, 10, kShared), Visit(s, "b", 0, 1, kExclusive)));
  CHECK_EQ(s.log, "a+a-b+b-");
}

TEST(SharedHoldsOverlap) {
  Scene s;
  s.bench.Run(Both(s, Visit(s, "a", 0, 10, kShared), Visit(s, "b", 0, 10, kShared)));
  CHECK_EQ(s.log, "a+b+a-b-");
}

TEST(HoldsSideBySideDoNotWait) {
  Scene s;
  s.bench.Run(Both(s, Visit(s, "a", 0, 10, kExclusive), Visit(s, "b", 10, 20, kExclusive)));
  CHECK_EQ(s.log, "a+b+a-b-");
}

TEST(ALateSharedHoldDoesNotOvertakeAWaitingExclusiveOne) {
  Scene s;
  Task<Unit> late = Both(s, Visit(s, "b", 0, 10, kExclusive), Visit(s, "c", 0, 10, kShared));
  s.bench.Run(Both(s, Visit(s, "a", 0, 10, kShared), std::move(late)));
  CHECK_EQ(s.log, "a+a-b+b-c+c-");
}

namespace {

struct Counter {
  RangeLock lock;
  int value = 0;  // guarded by the lock only
};

Task<Unit> CountMany(Counter& counter, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    RangeLock::Hold hold(counter.lock, 0, 1, kExclusive);
    co_await hold.Acquire();
    const int seen = counter.value;
    co_await AioContext::Current().Yield();
    counter.value = seen + 1;
  }
  co_return Unit{};
}

Task<Unit> CountOn(AioContext& loop, Counter& counter) {
  co_await RunOn<Unit>(loop, CountMany(counter, 500));
  co_return Unit{};
}

Task<Unit> CountOnTwo(AioContext& a, AioContext& b, Counter& counter) {
  TaskScope scope;
  scope.Spawn(CountOn(a, counter));
  scope.Spawn(CountOn(b, counter));
  co_await scope.Join();
  co_return Unit{};
}

}  // namespace

TEST(ItExcludesAcrossLoops) {
  Bench bench;
  Counter counter;
  const auto a = LoopThread::Start({.name = "a"}, bench.workers);
  const auto b = LoopThread::Start({.name = "b"}, bench.workers);
  CHECK_OK(a);
  CHECK_OK(b);
  bench.Run(CountOnTwo((*a)->loop(), (*b)->loop(), counter));
  CHECK_EQ(counter.value, 1000);
}

}  // namespace fusebay::test
