// Task: laziness, results, deep and long chains, and what dies when.
#include "core/task.h"

#include <memory>
#include <string>

#include "check.h"

namespace fusebay::test {

namespace {

// Runs a task that never waits; returns its result.
template <class T>
T Now(Task<T> task) {
  struct Driver {
    static Detached Drive(Task<T> work, std::optional<T>& result) {
      result.emplace(co_await std::move(work));
    }
  };
  std::optional<T> result;
  Driver::Drive(std::move(task), result);
  CHECK(result.has_value());
  return std::move(*result);
}

// Suspends whoever waits, until Resume.
struct Pause {
  std::coroutine_handle<> waiting;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) { waiting = h; }
  void await_resume() const noexcept {}
  void Resume() { std::exchange(waiting, {}).resume(); }
};

Task<int> Mark(bool& started, int value) {
  started = true;
  co_return value;
}

Task<int> WaitThen(Pause& pause, int value) {
  co_await pause;
  co_return value;
}

Task<int> Sum(int depth) {
  if (depth == 0) {
    co_return 0;
  }
  const int below = co_await Sum(depth - 1);
  co_return below + 1;
}

Task<int> CountUp(int times) {
  int sum = 0;
  for (int i = 0; i < times; ++i) {
    const int one = co_await Sum(1);
    sum += one;
  }
  co_return sum;
}

Task<std::unique_ptr<int>> MakeBox(int value) { co_return std::make_unique<int>(value); }

Task<Result<int>> Half(int value) {
  if (value % 2 != 0) {
    co_return Errno(EINVAL);
  }
  co_return value / 2;
}

Task<Result<int>> Quarter(int value) {
  CO_ASSIGN(const int half, co_await Half(value));
  CO_ASSIGN(const int quarter, co_await Half(half));
  co_return quarter;
}

Task<int> Hold(std::shared_ptr<int> value) { co_return *value; }

Detached Store(Task<int> task, int& result) { result = co_await std::move(task); }

}  // namespace

TEST(TaskDoesNotRunUntilAwaited) {
  bool started = false;
  Task<int> task = Mark(started, 7);
  CHECK(!started);
  CHECK_EQ(Now(std::move(task)), 7);
}

TEST(TaskNeverAwaitedReleasesWhatItHolds) {
  const auto value = std::make_shared<int>(1);
  {
    const Task<int> task = Hold(value);
    CHECK_EQ(value.use_count(), 2);
  }
  CHECK_EQ(value.use_count(), 1);
}

TEST(ReadyTaskNeedsNoFrame) {
  const std::uint64_t before = FramePool::ThreadStats().frames;
  Task<int> task(5);
  CHECK_EQ(FramePool::ThreadStats().frames, before);
  CHECK_EQ(Now(std::move(task)), 5);
}

TEST(WaitingTaskResumesItsParent) {
  Pause pause;
  int result = 0;
  Store(WaitThen(pause, 9), result);
  CHECK_EQ(result, 0);
  pause.Resume();
  CHECK_EQ(result, 9);
}

TEST(ManyChildrenThatDoNotWaitUseNoStack) { CHECK_EQ(Now(CountUp(1'000'000)), 1'000'000); }

TEST(NestedTasksReturnThroughEveryLevel) { CHECK_EQ(Now(Sum(500)), 500); }

TEST(MoveOnlyResultsAreMoved) {
  const std::unique_ptr<int> box = Now(MakeBox(3));
  CHECK_EQ(*box, 3);
}

TEST(ErrorsPassThroughCoAssign) {
  CHECK_ERRNO(Now(Quarter(6)), EINVAL);
  const Result<int> two = Now(Quarter(8));
  CHECK_OK(two);
  CHECK_EQ(*two, 2);
}

}  // namespace fusebay::test
