// Task<T>: a lazy, move-only coroutine with one awaiter, bound to one event loop.
//
//   Task<Result<>> Copy(BlockRef& src, BlockRef& dst) {
//     const Result<> r = co_await src.Read(0, buffer);     // starts the child on this stack
//     ...
//   }
//
// Nothing runs until the task is awaited (or spawned in a TaskScope, core/scope.h). A task runs on
// the loop that started it and is resumed there only; RunOn (core/aio_context.h) is the one way to
// have another loop do something. What a coroutine is given (spans, references) must outlive it.
//
// A function that knows its answer at once returns `Task<T>(value)`: no frame is made.
#pragma once
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/result.h"

namespace fusebay {

// Coroutine frames: per-thread free lists in 64-byte classes up to 2 KiB, bounded in length.
class FramePool {
 public:
  struct Stats {
    std::uint64_t frames = 0;   // frames asked for by this thread
    std::uint64_t mallocs = 0;  // of those, how many reached malloc
  };
  static void* Get(std::size_t size);
  static void Put(void* frame, std::size_t size) noexcept;
  static Stats ThreadStats();
};

template <class T>
class Task;

struct TaskPromiseBase {
  std::coroutine_handle<> continuation = std::noop_coroutine();

  static void* operator new(std::size_t size) { return FramePool::Get(size); }
  static void operator delete(void* frame, std::size_t size) noexcept {
    FramePool::Put(frame, size);
  }
  std::suspend_always initial_suspend() noexcept { return {}; }
  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> handle) noexcept {
      return handle.promise().continuation;
    }
    void await_resume() noexcept {}
  };
  FinalAwaiter final_suspend() noexcept { return {}; }
  [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
};

template <class T>
struct TaskPromise : TaskPromiseBase {
  std::optional<T> value;
  Task<T> get_return_object() noexcept;
  template <class U>
  void return_value(U&& u) {
    value.emplace(std::forward<U>(u));
  }
};

template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = TaskPromise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  // Already complete: no coroutine frame.
  Task(T value) : ready_(std::move(value)) {}
  explicit Task(Handle handle) noexcept : handle_(handle) {}
  Task(Task&& other) noexcept
      : handle_(std::exchange(other.handle_, {})), ready_(std::move(other.ready_)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) {
      handle_.destroy();
    }
  }

  auto operator co_await() && noexcept {
    struct Awaiter {
      Task& task;
      bool await_ready() const noexcept { return !task.handle_; }
      // Starts the child on this stack and suspends the parent only if the child did not finish:
      // a loop of children that finish at once uses no stack and no scheduler.
      bool await_suspend(std::coroutine_handle<> parent) noexcept {
        task.handle_.resume();
        if (task.handle_.done()) {
          return false;
        }
        task.handle_.promise().continuation = parent;
        return true;
      }
      T await_resume() {
        if (!task.handle_) {
          FB_ASSERT(task.ready_.has_value());
          return std::move(*task.ready_);
        }
        FB_ASSERT(task.handle_.promise().value.has_value());
        return std::move(*task.handle_.promise().value);
      }
    };
    return Awaiter{*this};
  }

 private:
  Handle handle_{};
  std::optional<T> ready_;
};

template <class T>
Task<T> TaskPromise<T>::get_return_object() noexcept {
  return Task<T>{std::coroutine_handle<TaskPromise>::from_promise(*this)};
}

// A root coroutine: starts at once and frees itself. Only core uses it directly; everything else
// spawns into a TaskScope, which is joined before its owner dies.
struct Detached {
  struct promise_type {
    static void* operator new(std::size_t size) { return FramePool::Get(size); }
    static void operator delete(void* frame, std::size_t size) noexcept {
      FramePool::Put(frame, size);
    }
    Detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
  };
};

}  // namespace fusebay
