// Grace: lets a cluster be given to somebody else only when no request can still be using it.
//
// A request that has looked up where data is holds a Pass until its I/O is done. Wait() returns
// when every Pass taken before it is gone; those taken after do not matter.
#pragma once
#include <array>
#include <cstdint>
#include <mutex>
#include <utility>

#include "core/sync.h"

namespace fusebay::qcow2 {

class Grace {
 public:
  class Pass {
   public:
    Pass(Grace& grace, unsigned side) : grace_(&grace), side_(side) {}
    Pass(Pass&& other) noexcept
        : grace_(std::exchange(other.grace_, nullptr)), side_(other.side_) {}
    Pass& operator=(Pass&&) = delete;
    ~Pass() {
      if (grace_ != nullptr) {
        grace_->Leave(side_);
      }
    }

   private:
    Grace* grace_;
    unsigned side_;
  };

  Grace() = default;
  Grace(const Grace&) = delete;
  Grace& operator=(const Grace&) = delete;
  ~Grace();  // REQUIRES: no Pass is left and nobody waits.

  // Any loop; never waits.
  Pass Enter();
  // Any loop. REQUIRES: the caller holds no Pass.
  Task<Unit> Wait();

 private:
  struct Waiter;
  void Leave(unsigned side);

  CoMutex waiting_;   // one Wait at a time
  std::mutex mutex_;  // short; never held across a suspend
  unsigned side_ = 0;
  std::array<std::uint64_t, 2> inside_{};
  Waiter* waiter_ = nullptr;  // for the other side to become empty
};

}  // namespace fusebay::qcow2
