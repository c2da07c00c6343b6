// FuseDevice: where FUSE requests are read from and replies are written to. The kernel's /dev/fuse
// and the loopback kernel's are used by the same channel code.
#pragma once
#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <span>

namespace fusebay::fuse {

class FuseDevice {
 public:
  virtual ~FuseDevice() = default;
  // Polls readable while there is a request, and readable or in error once the session is over.
  virtual int poll_fd() const = 0;
  // Never waits. Returns the size of one whole request, or -errno: EAGAIN when there is none, EINTR
  // and ENOENT to try again, ENODEV when the session is over.
  virtual ssize_t Read(std::byte* dst, std::size_t size) = 0;
  // Writes one reply or notification, an OutHeader and what follows. Returns its size or -errno:
  // ENOENT when nobody waits for it any more. May be called from any thread.
  virtual ssize_t Write(std::span<const iovec> message) = 0;
};

}  // namespace fusebay::fuse
