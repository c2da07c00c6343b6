// IdlePolicy: learns for how long a loop should poll before it sleeps. Internal to core.
//
// The time doubles when work arrives soon after a sleep began, since longer polling would have
// found it, and halves when polling was in vain. At zero, polling is tried again now and then. When
// another thread wants the core, polling is given up for a number of sleeps that doubles each time.
#pragma once
#include <algorithm>
#include <cstdint>

#include "core/clock.h"

namespace fusebay {

class IdlePolicy {
 public:
  explicit IdlePolicy(Nanoseconds max) : max_(max), time_(max / 2) {}

  // How long to poll now.
  Nanoseconds Budget() {
    if (max_ <= Nanoseconds::zero()) {
      return Nanoseconds::zero();
    }
    if (skip_ > 0) {
      --skip_;
      return Nanoseconds::zero();
    }
    if (time_ == Nanoseconds::zero() && ++unpolled_ >= kRetryAfter) {
      unpolled_ = 0;
      return max_ / 2;
    }
    return time_;
  }

  // Polling with this budget found work.
  void Won(Nanoseconds budget) {
    time_ = std::max(time_, budget);
    backoff_ = kFirstBackoff;
  }

  // The loop slept, and polling and sleeping lasted `idle` together. What woke it was work.
  void Slept(Nanoseconds idle, bool polled) {
    if (idle < kGrowWithin * max_) {
      time_ = std::clamp(2 * time_, kMin, std::max(kMin, max_));
      time_ = std::min(time_, max_);
    } else if (polled) {
      time_ = time_ / 2 < kMin ? Nanoseconds::zero() : time_ / 2;
    }
  }

  // Another thread ran on this core while the loop polled.
  void GiveUp() {
    skip_ = backoff_;
    backoff_ = std::min(2 * backoff_, kLastBackoff);
  }

  Nanoseconds time() const { return time_; }

 private:
  static constexpr Nanoseconds kMin{2'000};
  static constexpr int kGrowWithin = 2;  // waking up from a sleep takes about as long as max
  static constexpr std::uint32_t kRetryAfter = 256;
  static constexpr std::uint32_t kFirstBackoff = 100;
  static constexpr std::uint32_t kLastBackoff = 12'800;

  const Nanoseconds max_;
  Nanoseconds time_;
  std::uint32_t unpolled_ = 0;
  std::uint32_t skip_ = 0;
  std::uint32_t backoff_ = kFirstBackoff;
};

}  // namespace fusebay
