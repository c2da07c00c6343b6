// Which requests are in progress: the bell that rings a loop, and early interrupts.
#include "fuse/server/in_progress.h"

#include <algorithm>

namespace fusebay::fuse {

void Bell::Ring() {
  if (state_.exchange(State::kRung) == State::kWaitedFor) {
    loop_.ScheduleFrom(waiter_);
  }
}

bool Bell::Awaiter::await_suspend(std::coroutine_handle<> handle) {
  bell_.waiter_.handle = handle;
  State silent = State::kSilent;
  return bell_.state_.compare_exchange_strong(silent, State::kWaitedFor);
}

void EarlyInterrupts::Add(std::uint64_t key, Clock::time_point now) {
  const std::lock_guard lock(guard_);
  if (count_.load(std::memory_order_relaxed) == kMax) {
    RemoveAt(0);
  }
  const std::size_t count = count_.load(std::memory_order_relaxed);
  items_[count] = {key, now + kKept};
  count_.store(count + 1, std::memory_order_seq_cst);
}

bool EarlyInterrupts::TakeSlow(std::uint64_t key, Clock::time_point now) {
  const std::lock_guard lock(guard_);
  while (count_.load(std::memory_order_relaxed) != 0 && items_[0].until <= now) {
    RemoveAt(0);
  }
  const std::size_t count = count_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < count; ++i) {
    if (items_[i].key == key) {
      RemoveAt(i);
      return true;
    }
  }
  return false;
}

void EarlyInterrupts::Clear() {
  const std::lock_guard lock(guard_);
  count_.store(0, std::memory_order_seq_cst);
}

void EarlyInterrupts::RemoveAt(std::size_t index) {
  const std::size_t count = count_.load(std::memory_order_relaxed);
  FB_ASSERT(index < count);
  std::move(items_.begin() + static_cast<std::ptrdiff_t>(index) + 1,
            items_.begin() + static_cast<std::ptrdiff_t>(count),
            items_.begin() + static_cast<std::ptrdiff_t>(index));
  count_.store(count - 1, std::memory_order_seq_cst);
}

}  // namespace fusebay::fuse
