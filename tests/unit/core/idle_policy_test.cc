// How a loop learns for how long to poll before a sleep, and that polling finds work.
#include "idle_policy.h"

#include <sched.h>

#include <atomic>
#include <thread>

#include "core_fixture.h"

namespace fusebay::test {

namespace {

constexpr Nanoseconds kMax{32'000};
constexpr Nanoseconds kSoon{20'000};
constexpr Nanoseconds kLate{10'000'000};
constexpr Nanoseconds kNone{0};

void LosePolls(IdlePolicy& policy, int times) {
  for (int i = 0; i < times; ++i) {
    policy.Slept(kLate, policy.Budget() > kNone);
  }
}

// Has work as soon as it is asked, for whoever awaits it.
class OnePoller : public BusyPoller {
 public:
  explicit OnePoller(AioContext& loop) : loop_(loop) {}
  bool Poll() override {
    if (waiter_.handle == nullptr) {
      return false;
    }
    loop_.Schedule(waiter_);
    return true;
  }
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) { waiter_.handle = handle; }
  void await_resume() { waiter_.handle = {}; }

 private:
  AioContext& loop_;
  Runnable waiter_;
};

Task<Unit> WaitForPoller(OnePoller& poller) {
  co_await poller;
  co_return Unit{};
}

Task<std::int32_t> PollPipe(AioContext& loop, int fd) {
  const std::int32_t n = co_await loop.Poll(fd, 1);
  co_return n;
}

// Returns which cores were allowed before.
cpu_set_t PinToOneCore() {
  cpu_set_t before;
  CHECK_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(::sched_getcpu(), &one);
  CHECK_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  return before;
}

Task<Unit> SleepTimes(AioContext& loop, int times) {
  for (int i = 0; i < times; ++i) {
    co_await loop.SleepFor(Nanoseconds(200'000));
  }
  co_return Unit{};
}

}  // namespace

TEST(PollingStartsAtHalfOfTheMaximum) { CHECK_EQ(IdlePolicy(kMax).Budget().count(), 16'000); }

TEST(NoMaximumMeansNoPolling) {
  IdlePolicy policy(kNone);
  policy.Slept(kSoon, false);
  CHECK_EQ(policy.Budget().count(), 0);
}

TEST(WorkSoonAfterASleepLengthensPollingUpToTheMaximum) {
  IdlePolicy policy(kMax);
  for (int i = 0; i < 5; ++i) {
    policy.Slept(kSoon, true);
  }
  CHECK(policy.Budget() == kMax);
}

TEST(PollingInVainEndsPolling) {
  IdlePolicy policy(kMax);
  LosePolls(policy, 10);
  CHECK_EQ(policy.Budget().count(), 0);
}

TEST(PollingIsTriedAgainNowAndThen) {
  IdlePolicy policy(kMax);
  LosePolls(policy, 10);
  int polls = 0;
  for (int i = 0; i < 1000; ++i) {
    polls += policy.Budget() > kNone ? 1 : 0;
  }
  CHECK(polls >= 1 && polls <= 10);
}

TEST(RetryThatWinsBringsPollingBack) {
  IdlePolicy policy(kMax);
  LosePolls(policy, 10);
  policy.Won(Nanoseconds(16'000));
  CHECK_EQ(policy.Budget().count(), 16'000);
}

TEST(GivingUpLastsLongerEachTime) {
  IdlePolicy policy(kMax);
  for (const int sleeps : {100, 200, 400}) {
    policy.GiveUp();
    for (int i = 0; i < sleeps; ++i) {
      CHECK_EQ(policy.Budget().count(), 0);
    }
    CHECK(policy.Budget() > kNone);
  }
}

TEST(BusyPollerIsAskedBeforeASleep) {
  WorkerPool workers(1);
  const Loop loop = MakeLoop(workers, std::nullopt, std::chrono::seconds(2));
  OnePoller poller(*loop);
  loop->AddBusyPoller(poller);
  loop->RunUntilDone(WaitForPoller(poller));
  loop->RemoveBusyPoller(poller);
  CHECK_EQ(loop->stats().polls_won, 1U);
  CHECK_EQ(loop->stats().sleeps, 0U);
}

TEST(PollingFindsACompletionOfIoUring) {
  WorkerPool workers(1);
  for (int attempt = 0; attempt < 50; ++attempt) {
    const Loop loop = MakeLoop(workers, EngineKind::kIoUring, std::chrono::seconds(2));
    const Pipe pipe;
    pipe.Put();
    CHECK_EQ(loop->RunUntilDone(PollPipe(*loop, pipe.reader.get())), 1);
    if (loop->stats().polls_won > 0 && loop->stats().sleeps == 0) {
      return;
    }
  }
  CHECK(false);
}

TEST(PollingInVainIsCountedAndEndsInASleep) {
  WorkerPool workers(1);
  const Loop loop = MakeLoop(workers, std::nullopt, Nanoseconds(32'000));
  loop->RunUntilDone(SleepTimes(*loop, 20));
  const LoopStats& stats = loop->stats();
  CHECK(stats.polls_lost + stats.polls_yielded > 0);
  CHECK(stats.sleeps > 0);
}

TEST(PollingIsGivenUpForAnotherThreadOfTheCore) {
  const cpu_set_t before = PinToOneCore();
  std::atomic<bool> done = false;
  std::thread other([&done] {  // inherits the core
    while (!done) {
    }
  });
  WorkerPool workers(1);
  const Loop loop = MakeLoop(workers, std::nullopt, std::chrono::seconds(2));
  loop->RunUntilDone(SleepTimes(*loop, 20));
  done = true;
  other.join();
  ::sched_setaffinity(0, sizeof before, &before);
  CHECK(loop->stats().polls_yielded > 0);
}

TEST(PollingGrowsByItsFactor) {
  IdlePolicy policy(kMax, 8);
  LosePolls(policy, 10);
  CHECK_EQ(policy.time().count(), 0);
  policy.Slept(kSoon, false);
  policy.Slept(kSoon, false);
  CHECK_EQ(policy.time().count(), 16'000);
}

TEST(PollingShrinksByItsFactor) {
  IdlePolicy policy(kMax, 0, 4);
  LosePolls(policy, 1);
  CHECK_EQ(policy.time().count(), 4'000);
}

TEST(HugePollingTimeIsBounded) {
  IdlePolicy policy(Nanoseconds::max(), 4'000'000'000, 4'000'000'000);
  policy.Slept(kSoon, true);
  policy.Slept(kSoon, true);
  CHECK(policy.time() == IdlePolicy::kLongest);
}

}  // namespace fusebay::test
