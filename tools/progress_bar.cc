// Writes the bar, seldom enough not to cost anything.
#include "progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

namespace fusebay {

ProgressBar::ProgressBar(When when, std::FILE* out)
    : is_terminal_(::isatty(::fileno(out)) == 1),
      enabled_(when == When::kAlways || (when == When::kOnTerminal && is_terminal_)),
      out_(out),
      next_(when == When::kAlways ? Clock::now() : Clock::now() + kPatience) {}

void ProgressBar::Show(std::uint64_t done, std::uint64_t total) {
  if (!enabled_ || total == 0) {
    return;
  }
  const Clock::time_point now = Clock::now();
  if (now < next_ && !(visible_ && done == total)) {
    return;
  }
  next_ = now + kInterval;
  visible_ = true;
  const double percent = 100.0 * static_cast<double>(done) / static_cast<double>(total);
  fmt::print(out_, "    ({:.2f}/100%)\r", percent);
  std::fflush(out_);
}

void ProgressBar::Hide() {
  if (visible_) {
    fmt::print(out_, "{}", is_terminal_ ? "\r\x1b[K" : "\n");
    std::fflush(out_);
    visible_ = false;
  }
}

}  // namespace fusebay
