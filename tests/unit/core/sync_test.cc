// CoMutex, CoEvent, CancelToken.
#include "core/sync.h"

#include <array>
#include <vector>

#include "core/loop_thread.h"
#include "core/scope.h"
#include "core_fixture.h"

namespace fusebay::test {

namespace {

Task<Unit> AddUnderLock(CoMutex& mutex, std::uint64_t& counter, int times) {
  for (int i = 0; i < times; ++i) {
    const CoMutex::Guard guard = co_await mutex.Lock();
    const std::uint64_t before = counter;
    if (i % 4 == 0) {
      co_await AioContext::Current().Yield();  // the lock is held meanwhile
    }
    counter = before + 1;
  }
  co_return Unit{};
}

Task<Unit> AddElsewhere(AioContext& loop, CoMutex& mutex, std::uint64_t& counter, int times) {
  co_await RunOn<Unit>(loop, AddUnderLock(mutex, counter, times));
  co_return Unit{};
}

using Threads = std::array<std::unique_ptr<LoopThread>, 4>;

Task<Unit> AddOnAll(const Threads& threads, CoMutex& mutex, std::uint64_t& counter, int times) {
  TaskScope scope;
  for (const auto& thread : threads) {
    scope.Spawn(AddElsewhere(thread->loop(), mutex, counter, times));
    scope.Spawn(AddElsewhere(thread->loop(), mutex, counter, times));
  }
  co_await scope.Join();
  co_return Unit{};
}

Task<Unit> LockAndLog(CoMutex& mutex, std::vector<int>& log, int value) {
  const CoMutex::Guard guard = co_await mutex.Lock();
  log.push_back(value);
  co_await AioContext::Current().Yield();
  log.push_back(value);
  co_return Unit{};
}

Task<Unit> ThreeLockers(CoMutex& mutex, std::vector<int>& log) {
  TaskScope scope;
  for (int i = 1; i <= 3; ++i) {
    scope.Spawn(LockAndLog(mutex, log, i));
  }
  co_await scope.Join();
  co_return Unit{};
}

Task<Unit> WaitAndLog(CoEvent& event, std::vector<int>& log, int value) {
  co_await event.Wait();
  log.push_back(value);
  co_return Unit{};
}

Task<Unit> SetWithTwoWaiting(CoEvent& event, std::vector<int>& log) {
  TaskScope scope;
  scope.Spawn(WaitAndLog(event, log, 1));
  scope.Spawn(WaitAndLog(event, log, 2));
  event.Set();
  log.push_back(0);  // nobody is resumed inside Set
  co_await scope.Join();
  co_await event.Wait();  // still set
  co_return Unit{};
}

void Increment(void* arg) { ++*static_cast<int*>(arg); }

}  // namespace

TEST(MutexExcludesCoroutinesOfFourLoops) {
  WorkerPool workers(1);
  const Loop loop = MakeLoop(workers);
  Threads threads;
  for (auto& thread : threads) {
    auto started = LoopThread::Start(AioContextOptions{}, workers);
    CHECK_OK(started);
    thread = std::move(*started);
  }
  CoMutex mutex;
  std::uint64_t counter = 0;
  loop->RunUntilDone(AddOnAll(threads, mutex, counter, 250));
  CHECK_EQ(counter, 8U * 250);
}

TEST(MutexIsHandedOnInOrder) {
  WorkerPool workers(1);
  const Loop loop = MakeLoop(workers);
  CoMutex mutex;
  std::vector<int> log;
  loop->RunUntilDone(ThreeLockers(mutex, log));
  CHECK(log == (std::vector<int>{1, 1, 2, 2, 3, 3}));
  CHECK(mutex.TryLock());
  const CoMutex::Guard guard(&mutex);
  CHECK(!mutex.TryLock());
}

TEST(EventWakesEverybodyLater) {
  WorkerPool workers(1);
  const Loop loop = MakeLoop(workers);
  CoEvent event;
  std::vector<int> log;
  loop->RunUntilDone(SetWithTwoWaiting(event, log));
  CHECK(log == (std::vector<int>{0, 1, 2}));
}

TEST(EventCanBeReset) {
  CoEvent event;
  event.Set();
  CHECK(event.is_set());
  event.Reset();
  CHECK(!event.is_set());
}

TEST(CancelCallsEveryCallbackOnce) {
  CancelToken token;
  int calls = 0;
  {
    const CancelToken::Callback first(token, &Increment, &calls);
    const CancelToken::Callback second(token, &Increment, &calls);
    token.Cancel();
    token.Cancel();
  }
  CHECK(token.cancelled());
  CHECK_EQ(calls, 2);
}

TEST(CallbackThatIsGoneIsNotCalled) {
  CancelToken token;
  int calls = 0;
  {
    const CancelToken::Callback callback(token, &Increment, &calls);
  }
  token.Cancel();
  CHECK_EQ(calls, 0);
  token.Reset();
  CHECK(!token.cancelled());
}

}  // namespace fusebay::test
