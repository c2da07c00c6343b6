// Gate: counts who is inside and can be closed, so that something below may change in peace.
// Belongs to one loop.
//
//   const Gate::Pass pass = co_await gate.Enter();   // waits, in FIFO order, while it is closed
//
// Close waits until nobody is inside; closings nest, and as many Opens let the waiters in again.
// Nobody is ever turned away: a change below is a pause for clients, never an error.
#pragma once
#include <cstdint>
#include <utility>

#include "core/aio_context.h"

namespace fusebay {

class Gate {
 public:
  class Pass {
   public:
    explicit Pass(Gate& gate) : gate_(&gate) {}
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Pass& operator=(Pass&&) = delete;
    ~Pass() {
      if (gate_ != nullptr) {
        gate_->Leave();
      }
    }

   private:
    Gate* gate_;
  };

  class EnterAwaiter : private Runnable {
   public:
    explicit EnterAwaiter(Gate& gate) : gate_(gate) {}
    bool await_ready() { return gate_.TryEnter(); }
    void await_suspend(std::coroutine_handle<> h) {
      handle = h;
      gate_.waiting_.Push(*this);
    }
    Pass await_resume() { return Pass(gate_); }

   private:
    Gate& gate_;
  };

  Gate() = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate();  // REQUIRES: nobody is inside or waits.

  // Free while open: no frame, no suspend. Not to be entered twice by one operation: the second
  // would wait for a Close that waits for the first.
  EnterAwaiter Enter() { return EnterAwaiter(*this); }
  bool TryEnter() {
    if (closed_ != 0 || !waiting_.empty()) {
      return false;
    }
    ++inside_;
    return true;
  }
  Task<Unit> Close();
  void Open();  // REQUIRES: one Close without its Open.

  std::uint32_t inside() const { return inside_; }
  bool closed() const { return closed_ != 0; }

 private:
  void Leave();
  void LetIn();

  std::uint32_t inside_ = 0;
  std::uint32_t closed_ = 0;
  ReadyQueue waiting_;  // for the gate to open
  ReadyQueue closers_;  // for the last to leave
};

}  // namespace fusebay
