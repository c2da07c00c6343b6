// Loops: data loops on threads of their own, and tasks that run on all of them at once.
#pragma once
#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "check.h"
#include "core/loop_thread.h"
#include "core/run_on.h"
#include "core/scope.h"

namespace fusebay::test {

class Loops {
 public:
  Loops(WorkerPool& workers, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      auto loop = LoopThread::Start({.name = "data"}, workers);
      CHECK_OK(loop);
      threads_.push_back(std::move(*loop));
    }
  }

  // Runs the tasks, each on the next loop in turn, and returns what they returned, in the order in
  // which they ended. REQUIRES: every task is a coroutine (core/run_on.h).
  template <class T>
  Task<std::vector<T>> RunAll(std::vector<Task<T>> tasks) {
    std::vector<T> results;
    TaskScope scope;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      scope.Spawn(RunOne(threads_[i % threads_.size()]->loop(), std::move(tasks[i]), results));
    }
    co_await scope.Join();
    co_return std::move(results);
  }

 private:
  template <class T>
  static Task<Unit> RunOne(AioContext& loop, Task<T> task, std::vector<T>& results) {
    T result = co_await RunOn<T>(loop, std::move(task));
    results.push_back(std::move(result));
    co_return Unit{};
  }

  std::vector<std::unique_ptr<LoopThread>> threads_;
};

inline std::ptrdiff_t CountFailures(const std::vector<Result<>>& results) {
  return std::count_if(results.begin(), results.end(),
                       [](const Result<>& result) { return !result.ok(); });
}

}  // namespace fusebay::test
