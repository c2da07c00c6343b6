// KernelDevice: /dev/fuse of a mounted session.
#pragma once
#include <memory>

#include "base/fd.h"
#include "base/result.h"
#include "fuse/transport/fuse_device.h"

namespace fusebay::fuse {

class KernelDevice final : public FuseDevice {
 public:
  // REQUIRES: fd is non-blocking.
  explicit KernelDevice(UniqueFd fd) : fd_(std::move(fd)) {}
  int poll_fd() const override { return fd_.get(); }
  ssize_t Read(std::byte* dst, std::size_t size) override;
  ssize_t Write(std::span<const iovec> message) override;

 private:
  UniqueFd fd_;
};

// Another descriptor of the same open device: requests read by either may be answered by both.
Result<std::unique_ptr<FuseDevice>, Error> DuplicateDevice(int session_fd);

// A new open device of the same session, with replies of its own; where this process may not open
// /dev/fuse itself (fusermount3 opened it), a duplicate.
Result<std::unique_ptr<FuseDevice>, Error> CloneDevice(int session_fd);

}  // namespace fusebay::fuse
