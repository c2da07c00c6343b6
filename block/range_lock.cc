// Who may enter a RangeLock, and whom to wake.
#include "range_lock.h"

#include "base/assert.h"

namespace fusebay {

RangeLock::~RangeLock() { FB_ASSERT(first_ == nullptr); }

RangeLock::Hold::~Hold() {
  FB_ASSERT(state_ != State::kWaiting);
  if (state_ == State::kHeld) {
    lock_.Leave(*this);
  }
}

bool RangeLock::MustWait(const Hold& hold) {
  for (const Hold* earlier = hold.before_; earlier != nullptr; earlier = earlier->before_) {
    if (hold.ConflictsWith(*earlier)) {
      return true;
    }
  }
  return false;
}

bool RangeLock::Enter(Hold& hold, std::coroutine_handle<> handle) {
  FB_ASSERT(hold.state_ == Hold::State::kNew);
  FB_ASSERT(hold.begin_ < hold.end_);
  const std::lock_guard guard(mutex_);
  hold.before_ = last_;
  (last_ == nullptr ? first_ : last_->after_) = &hold;
  last_ = &hold;
  if (!MustWait(hold)) {
    hold.state_ = Hold::State::kHeld;
    return false;
  }
  hold.state_ = Hold::State::kWaiting;
  hold.handle = handle;
  hold.home_ = &AioContext::Current();
  return true;
}

void RangeLock::Leave(Hold& hold) {
  const std::lock_guard guard(mutex_);
  (hold.before_ == nullptr ? first_ : hold.before_->after_) = hold.after_;
  (hold.after_ == nullptr ? last_ : hold.after_->before_) = hold.before_;
  for (Hold* later = hold.after_; later != nullptr;) {
    Hold* const next = later->after_;
    if (later->state_ == Hold::State::kWaiting && hold.ConflictsWith(*later) && !MustWait(*later)) {
      later->state_ = Hold::State::kHeld;
      later->home_->ScheduleFrom(*later);
    }
    later = next;
  }
}

}  // namespace fusebay
