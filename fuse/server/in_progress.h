// Which requests are in progress, on every channel of a session, so that an INTERRUPT that comes
// through any of them ends the right one on the loop where it runs.
//
// Nothing here allocates while requests are served, but for those that are interrupted. Each
// request owns one InProgress for as long as it runs; other loops only read its key.
#pragma once
#include <array>
#include <atomic>
#include <coroutine>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "core/aio_context.h"
#include "core/sync.h"
#include "fuse/abi.h"

namespace fusebay::fuse {

// What a request is known by: its unique, with the bit set that tells a request that is sent again
// from the first sending. So both are the same, and no key is 0.
constexpr std::uint64_t UniqueKey(std::uint64_t unique) { return unique | abi::kUniqueResend; }

class InProgress {
 public:
  // On the owner's loop. The key is 0 while no request runs.
  void Begin(std::uint64_t key) { key_.store(key, std::memory_order_seq_cst); }
  void End() { key_.store(0, std::memory_order_release); }
  // Any thread.
  std::uint64_t key() const { return key_.load(std::memory_order_seq_cst); }

 private:
  std::atomic<std::uint64_t> key_{0};
};

// What other loops ask a channel's loop to end. A request may have been parked by the time it is
// looked for, and others run in its slot: so what is kept is its key, not its place.
class MarkedRequests {
 public:
  // Any thread.
  void Add(std::uint64_t key) {
    const std::lock_guard lock(guard_);
    keys_.push_back(key);
  }
  // All that have been added since the last time.
  std::vector<std::uint64_t> Take() {
    const std::lock_guard lock(guard_);
    return std::exchange(keys_, {});
  }

 private:
  std::mutex guard_;
  std::vector<std::uint64_t> keys_;
};

// Rung by any thread, waited for by one coroutine of one loop. A ring with nobody waiting is kept.
class Bell {
 public:
  explicit Bell(AioContext& loop) : loop_(loop) {}
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  void Ring();

  class Awaiter {
   public:
    explicit Awaiter(Bell& bell) : bell_(bell) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> handle);
    void await_resume() const noexcept { bell_.state_.exchange(State::kSilent); }

   private:
    Bell& bell_;
  };
  Awaiter Wait() { return Awaiter(*this); }

 private:
  enum class State : std::uint8_t { kSilent, kWaitedFor, kRung };
  AioContext& loop_;
  std::atomic<State> state_{State::kSilent};
  Runnable waiter_;
};

// Interrupts that came before their request: with one descriptor per loop, the two are read by
// different loops in any order. (An EAGAIN reply, which asks the kernel to send the INTERRUPT
// again, is understood only on the descriptor that read the victim, so it is of no use.) Most of
// them never find a request, for it was answered meanwhile; they are forgotten after a while.
class EarlyInterrupts {
 public:
  static constexpr std::size_t kMax = 64;
  static constexpr Nanoseconds kKept = std::chrono::seconds(10);

  // Any thread. When full, the oldest is forgotten.
  void Add(std::uint64_t key, Clock::time_point now);
  // Any thread: whether `key` was interrupted before it began. Free while there are none.
  bool Take(std::uint64_t key, AioContext& loop) {
    return count_.load(std::memory_order_seq_cst) != 0 && TakeSlow(key, loop.Now());
  }
  void Clear();

 private:
  struct Item {
    std::uint64_t key = 0;
    Clock::time_point until;
  };
  bool TakeSlow(std::uint64_t key, Clock::time_point now);
  void RemoveAt(std::size_t index);

  std::atomic<std::size_t> count_{0};
  std::mutex guard_;
  std::array<Item, kMax> items_{};  // the first count_, oldest first
};

}  // namespace fusebay::fuse
