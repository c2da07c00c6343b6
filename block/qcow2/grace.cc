// Two counters that take turns: a Wait sends newcomers to the other one and waits for this to
// empty.
#include "qcow2/grace.h"

namespace fusebay::qcow2 {

struct Grace::Waiter : Runnable {
  Waiter(Grace& owner, unsigned the_side) : grace(owner), side(the_side) {}
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> h) {
    handle = h;
    home = &AioContext::Current();
    const std::lock_guard lock(grace.mutex_);
    if (grace.inside_[side] == 0) {
      return false;
    }
    grace.waiter_ = this;
    return true;
  }
  void await_resume() const noexcept {}

  Grace& grace;
  const unsigned side;
  AioContext* home = nullptr;
};

Grace::~Grace() {
  FB_ASSERT(inside_[0] == 0 && inside_[1] == 0);
  FB_ASSERT(waiter_ == nullptr);
}

Grace::Pass Grace::Enter() {
  const std::lock_guard lock(mutex_);
  ++inside_[side_];
  return Pass(*this, side_);
}

void Grace::Leave(unsigned side) {
  Waiter* woken = nullptr;
  {
    const std::lock_guard lock(mutex_);
    FB_ASSERT(inside_[side] > 0);
    if (--inside_[side] == 0 && waiter_ != nullptr && waiter_->side == side) {
      woken = std::exchange(waiter_, nullptr);
    }
  }
  if (woken == nullptr) {
    return;
  }
  if (AioContext::CurrentOrNull() == woken->home) {
    woken->home->Schedule(*woken);
  } else {
    woken->home->ScheduleFrom(*woken);
  }
}

Task<Unit> Grace::Wait() {
  const CoMutex::Guard one = co_await waiting_.Lock();
  unsigned old = 0;
  {
    const std::lock_guard lock(mutex_);
    old = side_;
    side_ = 1 - side_;
    FB_ASSERT(inside_[side_] == 0);
  }
  co_await Waiter(*this, old);
  co_return Unit{};
}

}  // namespace fusebay::qcow2
