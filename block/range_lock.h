// RangeLock: keeps requests apart that touch the same blocks of a node, across loops.
//
// A read-modify-write holds its blocks exclusively; plain writes hold theirs shared, so they run
// beside each other. First come, first served among those that overlap. Nothing is allocated.
//
//   RangeLock::Hold hold(lock, begin, end, RangeLock::Mode::kShared);
//   co_await hold.Acquire();                     // released when `hold` dies
#pragma once
#include <cstdint>
#include <mutex>

#include "core/aio_context.h"

namespace fusebay {

class RangeLock {
 public:
  enum class Mode : std::uint8_t { kShared, kExclusive };

  class Hold : private Runnable {
   public:
    Hold(RangeLock& lock, std::uint64_t begin, std::uint64_t end, Mode mode)
        : lock_(lock), begin_(begin), end_(end), mode_(mode) {}
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold();

    struct Awaiter {
      Hold& hold;
      bool await_ready() const noexcept { return false; }
      bool await_suspend(std::coroutine_handle<> handle) { return hold.lock_.Enter(hold, handle); }
      void await_resume() const noexcept {}
    };
    Awaiter Acquire() { return Awaiter{*this}; }

   private:
    friend class RangeLock;
    enum class State : std::uint8_t { kNew, kWaiting, kHeld };
    bool ConflictsWith(const Hold& other) const {
      return begin_ < other.end_ && other.begin_ < end_ &&
             (mode_ == Mode::kExclusive || other.mode_ == Mode::kExclusive);
    }

    RangeLock& lock_;
    const std::uint64_t begin_;
    const std::uint64_t end_;
    const Mode mode_;
    State state_ = State::kNew;
    AioContext* home_ = nullptr;
    Hold* before_ = nullptr;  // in order of arrival, held and waiting alike
    Hold* after_ = nullptr;
  };

  RangeLock() = default;
  RangeLock(const RangeLock&) = delete;
  RangeLock& operator=(const RangeLock&) = delete;
  ~RangeLock();  // REQUIRES: nobody holds anything.

 private:
  bool Enter(Hold& hold, std::coroutine_handle<> handle);  // returns whether it has to wait
  void Leave(Hold& hold);
  // Whether a hold that came earlier stands in the way.
  static bool MustWait(const Hold& hold);

  std::mutex mutex_;  // short; never held across a suspend
  Hold* first_ = nullptr;
  Hold* last_ = nullptr;
};

}  // namespace fusebay
