// RunOn: work on another loop, waited for on this one.
#pragma once
#include "core/aio_context.h"

namespace fusebay {

// Runs `task` on another loop and resumes the caller on its own: the only way to cross loops.
//   const auto r = co_await RunOn(loop, Work());
// Work must be a coroutine: it starts there. The body of a plain function that returns a Task (one
// that is ready, or another function's) runs on the caller's loop, when the argument is evaluated.
template <class T>
class RunOn {
 public:
  RunOn(AioContext& loop, Task<T> task) : loop_(loop), task_(std::move(task)) {}
  RunOn(const RunOn&) = delete;
  RunOn& operator=(const RunOn&) = delete;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    home_ = &AioContext::Current();
    done_.handle = handle;
    Drive(*this);
  }
  T await_resume() { return std::move(*result_); }

 private:
  struct Hop {
    RunOn& self;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
      self.start_.handle = handle;
      self.loop_.ScheduleFrom(self.start_);
    }
    void await_resume() const noexcept {}
  };
  static Detached Drive(RunOn& self) {
    co_await Hop{self};
    self.result_.emplace(co_await std::move(self.task_));
    self.home_->ScheduleFrom(self.done_);  // self may be gone after this
  }

  AioContext& loop_;
  AioContext* home_ = nullptr;
  Task<T> task_;
  Runnable start_;
  Runnable done_;
  std::optional<T> result_;
};

}  // namespace fusebay
