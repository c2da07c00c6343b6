// CoMutex, CoEvent and CancelToken.
#include "core/sync.h"

namespace fusebay {

CoMutex::~CoMutex() {
  FB_ASSERT(!locked_);
  FB_ASSERT(waiters_.empty());
}

bool CoMutex::TryLock() {
  const std::lock_guard guard(guard_);
  return !std::exchange(locked_, true);
}

bool CoMutex::Enqueue(LockAwaiter& waiter) {
  const std::lock_guard guard(guard_);
  if (!locked_) {
    locked_ = true;
    return false;
  }
  waiters_.Push(waiter);
  return true;
}

void CoMutex::Unlock() {
  LockAwaiter* next = nullptr;
  {
    const std::lock_guard guard(guard_);
    FB_ASSERT(locked_);
    next = static_cast<LockAwaiter*>(waiters_.Pop());
    locked_ = next != nullptr;
  }
  if (next == nullptr) {
    return;
  }
  AioContext& home = *next->home;
  if (AioContext::CurrentOrNull() == &home) {
    home.Schedule(*next);
  } else {
    home.ScheduleFrom(*next);
  }
}

void CoEvent::Set() {
  set_ = true;
  while (Runnable* const waiter = waiters_.Pop()) {
    AioContext::Current().Schedule(*waiter);
  }
}

CancelToken::Callback::Callback(CancelToken& token, void (*fn)(void* arg), void* arg)
    : token_(token), fn_(fn), arg_(arg) {
  FB_ASSERT(!token.cancelled());
  token_.callbacks_.Push(*this);
}

CancelToken::Callback::~Callback() { token_.callbacks_.Remove(*this); }

void CancelToken::Cancel() {
  cancelled_ = true;
  while (Callback* const callback = callbacks_.Pop()) {
    callback->fn_(callback->arg_);
  }
}

}  // namespace fusebay
