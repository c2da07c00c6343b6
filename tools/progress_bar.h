// ProgressBar: how far a long operation is, in qemu-img's form: "    (42.00/100%)".
#pragma once
#include <cstdint>
#include <cstdio>

#include "core/clock.h"

namespace fusebay {

class ProgressBar {
 public:
  enum class When : std::uint8_t {
    kNever,
    kOnTerminal,  // where `out` is one, and once the operation takes longer than a second
    kAlways,
  };
  static constexpr Nanoseconds kInterval{100'000'000};
  static constexpr Nanoseconds kPatience{1'000'000'000};

  // `out` outlives the bar; nothing else is written to it while the bar is on it (see Hide).
  ProgressBar(When when, std::FILE* out);
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar() { Hide(); }

  // Cheap: writes at most once per interval, and at the end.
  void Show(std::uint64_t done, std::uint64_t total);
  // Takes the bar off the line; it comes back with the next Show.
  void Hide();

 private:
  const bool is_terminal_;
  const bool enabled_;
  std::FILE* const out_;
  Clock::time_point next_;
  bool visible_ = false;
};

}  // namespace fusebay
