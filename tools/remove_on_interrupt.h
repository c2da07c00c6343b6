// RemoveOnInterrupt: a signal that ends the program takes unfinished new files with it.
#pragma once
#include <signal.h>

#include <array>
#include <initializer_list>

#include "block/new_file.h"

namespace fusebay {

// While it lives, SIGINT, SIGTERM and SIGHUP remove the files that are new and then end the program
// as ever; a signal that was ignored stays so. One at a time in a program.
class RemoveOnInterrupt {
 public:
  static constexpr std::size_t kMaxFiles = 2;

  // Null: no file. REQUIRES: at most kMaxFiles, which outlive it.
  explicit RemoveOnInterrupt(std::initializer_list<const NewFile*> files);
  RemoveOnInterrupt(const RemoveOnInterrupt&) = delete;
  RemoveOnInterrupt& operator=(const RemoveOnInterrupt&) = delete;
  ~RemoveOnInterrupt();

 private:
  static constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};
  std::array<struct sigaction, kSignals.size()> old_{};
};

}  // namespace fusebay
