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
  static constexpr Nanoseconds kLongest{1'000'000'000};
  static constexpr std::uint32_t kMaxFactor = 1'000'000;

  // `grow` and `shrink` are the factors; 0: the usual one.
  explicit IdlePolicy(Nanoseconds max, std::uint32_t grow = 0, std::uint32_t shrink = 0)
      : max_(std::min(max, kLongest)),
        grow_(grow == 0 ? kFactor : std::min(grow, kMaxFactor)),
        shrink_(shrink == 0 ? kFactor : std::min(shrink, kMaxFactor)),
        time_(max_ / 2) {}

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
      time_ = std::clamp(grow_ * time_, kMin, std::max(kMin, max_));
      time_ = std::min(time_, max_);
    } else if (polled) {
      const Nanoseconds shorter = time_ / shrink_;
      time_ = shorter < kMin ? Nanoseconds::zero() : shorter;
    }
  }

  // Another thread ran on this core while the loop polled.
  void GiveUp() {
    skip_ = backoff_;
    backoff_ = std::min(2 * backoff_, kLastBackoff);
  }

  Nanoseconds time() const { return time_; }

 private:
  static constexpr std::uint32_t kFactor = 2;
  static constexpr Nanoseconds kMin{2'000};
  static constexpr int kGrowWithin = 2;  // waking up from a sleep takes about as long as max
  static constexpr std::uint32_t kRetryAfter = 256;
  static constexpr std::uint32_t kFirstBackoff = 100;
  static constexpr std::uint32_t kLastBackoff = 12'800;

  Nanoseconds max_;
  std::uint32_t grow_;
  std::uint32_t shrink_;
  Nanoseconds time_;
  std::uint32_t unpolled_ = 0;
  std::uint32_t skip_ = 0;
  std::uint32_t backoff_ = kFirstBackoff;
};

}  // namespace fusebay
