// CheckReport: counts what a check finds, and tells the observer in words.
#pragma once
#include <string_view>

#include "block/check_image.h"

namespace fusebay::qcow2 {

class CheckReport {
 public:
  // Null: counts only.
  explicit CheckReport(CheckObserver* observer) : observer_(observer) {}

  void Corrupt(std::string_view line, std::uint64_t times = 1) {
    result.corruptions += times;
    Say(line);
  }
  // A "copied" flag that is wrong is a corruption, too.
  void WrongCopied(std::string_view line, std::uint64_t times) {
    wrong_copied += times;
    Corrupt(line, times);
  }
  void Leak(std::string_view line) {
    ++result.leaks;
    Say(line);
  }
  void CannotCheck(std::string_view line, std::uint64_t times = 1) {
    result.check_errors += times;
    Say(line);
  }
  void Say(std::string_view line) const {
    if (observer_ != nullptr) {
      observer_->OnMessage(line);
    }
  }
  void Progress(std::uint64_t done_bytes, std::uint64_t total_bytes) const {
    if (observer_ != nullptr) {
      observer_->OnProgress(done_bytes, total_bytes);
    }
  }

  CheckResult result;
  std::uint64_t wrong_copied = 0;

 private:
  CheckObserver* const observer_;
};

}  // namespace fusebay::qcow2
