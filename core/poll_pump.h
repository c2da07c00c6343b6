// PollPump: calls a function whenever an fd is readable, by polls through the loop's wait engine.
// It lets an extra engine learn of its completions. Internal to core.
#pragma once
#include <poll.h>

#include "core/io_engine.h"
#include "core/task.h"

namespace fusebay {

class PollPump {
 public:
  // fn(arg) is called inside the loop. The wait engine is gone before the pump is.
  PollPump(WaitEngine& wait, int fd, void (*fn)(void* arg), void* arg)
      : wait_(wait), fn_(fn), arg_(arg), op_(IoOp::Kind::kPoll, fd) {
    op_.flags = POLLIN;
  }
  PollPump(const PollPump&) = delete;
  PollPump& operator=(const PollPump&) = delete;
  ~PollPump() {
    if (op_.handle) {
      op_.handle.destroy();
    }
  }

  // Begins to poll; nothing when it does already.
  void Start() {
    if (!op_.handle) {
      Drive(*this);
    }
  }

 private:
  struct Wait {
    PollPump& pump;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
      pump.op_.handle = handle;
      pump.wait_.Queue(pump.op_);
    }
    void await_resume() const noexcept {}
  };
  // Never ends; the pump destroys it where it waits.
  static Detached Drive(PollPump& pump) {
    for (;;) {
      co_await Wait{pump};
      pump.fn_(pump.arg_);
    }
  }

  WaitEngine& wait_;
  void (*const fn_)(void* arg);
  void* const arg_;
  IoOp op_;
};

}  // namespace fusebay
