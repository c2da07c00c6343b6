// DeathWatch: a small process that holds a descriptor for us and lets go of it only when our
// session is over.
//
// fusermount3 with auto_unmount unmounts when the socket it shares with us closes, but only if the
// session has ended by then. When we are killed, our descriptors close before io_uring gives back
// /dev/fuse, which it does later and on its own. So the socket is held by a child, which has
// nothing else of ours: it sees us die by a pipe, waits until the mountpoint is dead, and then
// ends.
#pragma once
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace fusebay::fuse {

class DeathWatch {
 public:
  DeathWatch() = default;  // watches nothing
  // Takes `held`; `mountpoint` is an absolute path.
  static Result<DeathWatch, Error> Start(UniqueFd held, const std::string& mountpoint);

  // Lets the descriptor go now.
  void Release();

 private:
  UniqueFd pipe_;  // its other end sees us die
};

}  // namespace fusebay::fuse
