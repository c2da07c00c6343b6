// Waiting for each other: CoMutex (any loops), CoEvent and CancelToken (one loop).
//
// None resumes a waiter inside the call that wakes it: waiters are scheduled, in FIFO order, each
// on the loop where it waits.
#pragma once
#include <cstdint>
#include <mutex>
#include <utility>

#include "core/aio_context.h"

namespace fusebay {

// A mutex that may be held across co_await. Usable from several loops.
//   const CoMutex::Guard guard = co_await mutex.Lock();
class CoMutex {
 public:
  class Guard {
   public:
    explicit Guard(CoMutex* mutex) : mutex_(mutex) {}
    Guard(Guard&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
    Guard& operator=(Guard&&) = delete;
    ~Guard() {
      if (mutex_ != nullptr) {
        mutex_->Unlock();
      }
    }

   private:
    CoMutex* mutex_;
  };

  class LockAwaiter : public Runnable {
   public:
    explicit LockAwaiter(CoMutex& mutex) : mutex_(mutex) {}
    bool await_ready() { return mutex_.TryLock(); }
    bool await_suspend(std::coroutine_handle<> h) {
      handle = h;
      home = &AioContext::Current();
      return mutex_.Enqueue(*this);
    }
    Guard await_resume() { return Guard(&mutex_); }

    AioContext* home = nullptr;

   private:
    CoMutex& mutex_;
  };

  CoMutex() = default;
  CoMutex(const CoMutex&) = delete;
  CoMutex& operator=(const CoMutex&) = delete;
  ~CoMutex();  // REQUIRES: not locked.

  LockAwaiter Lock() { return LockAwaiter(*this); }
  bool TryLock();

 private:
  bool Enqueue(LockAwaiter& waiter);  // false: the lock was free and is now the caller's
  void Unlock();                      // hands the lock to the first waiter

  std::mutex guard_;  // short; never held across a suspend
  bool locked_ = false;
  ReadyQueue waiters_;
};

// A flag to wait for; stays set until Reset. One loop.
class CoEvent {
 public:
  class Awaiter : private Runnable {
   public:
    explicit Awaiter(CoEvent& event) : event_(event) {}
    bool await_ready() const noexcept { return event_.set_; }
    void await_suspend(std::coroutine_handle<> h) {
      handle = h;
      event_.waiters_.Push(*this);
    }
    void await_resume() const noexcept {}

   private:
    CoEvent& event_;
  };

  CoEvent() = default;
  CoEvent(const CoEvent&) = delete;
  CoEvent& operator=(const CoEvent&) = delete;
  ~CoEvent() { FB_ASSERT(waiters_.empty()); }

  bool is_set() const { return set_; }
  void Set();  // wakes everybody
  void Reset() { set_ = false; }
  Awaiter Wait() { return Awaiter(*this); }

 private:
  bool set_ = false;
  ReadyQueue waiters_;
};

// Lets the owner of an operation end it early: FUSE INTERRUPT, abort, shutdown. One loop. Whoever
// can wait without limit registers a callback for as long as it waits.
class CancelToken {
 public:
  class Callback {
   public:
    // If the token is cancelled already, the caller must not wait at all: ask cancelled() first.
    Callback(CancelToken& token, void (*fn)(void* arg), void* arg);
    Callback(const Callback&) = delete;
    Callback& operator=(const Callback&) = delete;
    ~Callback();
    Callback* next = nullptr;

   private:
    friend class CancelToken;
    CancelToken& token_;
    void (*fn_)(void* arg);
    void* arg_;
  };

  CancelToken() = default;
  CancelToken(const CancelToken&) = delete;
  CancelToken& operator=(const CancelToken&) = delete;

  bool cancelled() const { return cancelled_; }
  void Cancel();                        // calls every callback once, in order of registration
  void Reset() { cancelled_ = false; }  // REQUIRES: no callback is registered

 private:
  bool cancelled_ = false;
  Fifo<Callback> callbacks_;
};

}  // namespace fusebay
