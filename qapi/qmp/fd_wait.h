// FdWait: waits for a descriptor or for time, until its owner cancels it. One loop.
#pragma once
#include <optional>

#include "core/aio_context.h"

namespace fusebay::qapi {

class FdWait {
 public:
  FdWait() = default;
  FdWait(const FdWait&) = delete;
  FdWait& operator=(const FdWait&) = delete;
  ~FdWait() { FB_ASSERT(!op_.has_value()); }

  // Until `events` (POLLIN, ...), an error or a hang-up. Returns false when cancelled. REQUIRES: no
  // other call waits.
  Task<bool> For(int fd, std::uint32_t events);
  Task<bool> Sleep(Nanoseconds time);
  // Ends the call that waits and every later one.
  void Cancel();
  bool cancelled() const { return cancelled_; }

 private:
  bool cancelled_ = false;
  std::optional<IoOp> op_;
};

}  // namespace fusebay::qapi
