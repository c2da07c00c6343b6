// Keys, marks, the bell and early interrupts.
#include "fuse/server/in_progress.h"

#include <thread>

#include "check.h"
#include "core/loop_thread.h"
#include "core/scope.h"
#include "core/worker_pool.h"

namespace fusebay::fuse::test {
namespace {

constexpr Clock::time_point kStart{};

struct Loop {
  Loop() {
    AioContextOptions options;
    options.engine = EngineKind::kThreads;
    auto made = LoopThread::Start(options, workers);
    CHECK_OK(made);
    thread = std::move(*made);
  }
  WorkerPool workers{1};
  std::unique_ptr<LoopThread> thread;
  AioContext& loop() { return thread->loop(); }
};

struct Counter {
  explicit Counter(AioContext& loop) : bell(loop) {}
  Bell bell;
  std::atomic<std::uint64_t> posted{0};
  std::atomic<std::uint64_t> seen{0};
  std::atomic<bool> ended{false};
};

Task<Unit> Count(Counter& counter, std::uint64_t until) {
  while (counter.seen.load() < until) {
    counter.seen.store(counter.posted.load());
    if (counter.seen.load() < until) {
      co_await counter.bell.Wait();
    }
  }
  counter.ended.store(true);
  co_return Unit{};
}

TEST(UniqueKeyIsTheSameForARequestThatIsSentAgain) {
  CHECK_EQ(UniqueKey(4), UniqueKey(4 | abi::kUniqueResend));
  CHECK(UniqueKey(4) != UniqueKey(6));
  CHECK(UniqueKey(0) != 0);
}

TEST(KeyIsThatOfTheRequestThatRuns) {
  InProgress progress;
  progress.Begin(8);
  CHECK_EQ(progress.key(), 8u);
  progress.End();
  CHECK_EQ(progress.key(), 0u);
}

TEST(EveryMarkedRequestIsTakenOnce) {
  MarkedRequests marked;
  marked.Add(8);
  marked.Add(6);
  CHECK(marked.Take() == (std::vector<std::uint64_t>{8, 6}));
  CHECK(marked.Take().empty());
}

TEST(NoRingOfAnyThreadIsLost) {
  constexpr std::uint64_t kRings = 2000;
  constexpr std::uint64_t kThreads = 3;
  Loop loop;
  Counter counter(loop.loop());
  TaskScope scope;
  loop.loop().Post([&] { scope.Spawn(Count(counter, kRings * kThreads)); });
  std::vector<std::thread> ringers;
  for (std::uint64_t i = 0; i < kThreads; ++i) {
    ringers.emplace_back([&counter] {
      for (std::uint64_t n = 0; n < kRings; ++n) {
        counter.posted.fetch_add(1);
        counter.bell.Ring();
      }
    });
  }
  for (std::thread& ringer : ringers) {
    ringer.join();
  }
  while (!counter.ended.load()) {
    std::this_thread::yield();
  }
  loop.thread.reset();
}

struct Early {
  Early() {
    AioContextOptions options;
    options.engine = EngineKind::kThreads;
    auto made = AioContext::Create(options, workers);
    CHECK_OK(made);
    loop = std::move(*made);
  }
  bool Take(std::uint64_t key) { return interrupts.Take(key, *loop); }
  void AddNow(std::uint64_t key) { interrupts.Add(key, loop->Now()); }
  WorkerPool workers{1};
  std::unique_ptr<AioContext> loop;
  EarlyInterrupts interrupts;
};

TEST(EarlyInterruptIsTakenOnce) {
  Early early;
  early.AddNow(4);
  early.AddNow(6);
  CHECK(!early.Take(8));
  CHECK(early.Take(4));
  CHECK(!early.Take(4));
  CHECK(early.Take(6));
}

TEST(EarlyInterruptsAreForgottenAfterAWhile) {
  Early early;
  early.interrupts.Add(4, early.loop->Now() - EarlyInterrupts::kKept);
  early.AddNow(6);
  CHECK(!early.Take(4));
  CHECK(early.Take(6));
}

TEST(TheOldestEarlyInterruptMakesRoom) {
  Early early;
  for (std::uint64_t key = 1; key <= EarlyInterrupts::kMax + 1; ++key) {
    early.AddNow(key);
  }
  CHECK(!early.Take(1));
  CHECK(early.Take(2));
  CHECK(early.Take(EarlyInterrupts::kMax + 1));
}

TEST(ClearForgetsEarlyInterrupts) {
  Early early;
  early.interrupts.Add(4, kStart);
  early.AddNow(4);
  early.interrupts.Clear();
  CHECK(!early.Take(4));
}

}  // namespace
}  // namespace fusebay::fuse::test
