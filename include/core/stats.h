// What a loop counts about itself. Plain numbers of one thread; readers on other threads get a
// copy through RunOn.
#pragma once
#include <cstdint>

namespace fusebay {

struct LoopStats {
  std::uint64_t turns = 0;
  std::uint64_t resumed = 0;        // coroutines resumed
  std::uint64_t operations = 0;     // I/O operations queued
  std::uint64_t sleeps = 0;         // times the loop slept in its engine
  std::uint64_t polls_won = 0;      // polling found work before a sleep
  std::uint64_t polls_lost = 0;     // polling ended in a sleep
  std::uint64_t polls_yielded = 0;  // polling was given up: another thread wanted the core
  std::uint64_t stalls = 0;         // turns longer than AioContext::kStallLimit
};

}  // namespace fusebay
