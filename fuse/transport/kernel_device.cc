// Reads, writes and clones /dev/fuse.
#include "fuse/transport/kernel_device.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "fuse/abi.h"

namespace fusebay::fuse {

ssize_t KernelDevice::Read(std::byte* dst, std::size_t size) {
  const ssize_t n = ::read(fd_.get(), dst, size);
  return n < 0 ? -errno : n;
}

ssize_t KernelDevice::Write(std::span<const iovec> message) {
  const ssize_t n = ::writev(fd_.get(), message.data(), static_cast<int>(message.size()));
  return n < 0 ? -errno : n;
}

Result<std::unique_ptr<FuseDevice>, Error> DuplicateDevice(int session_fd) {
  UniqueFd fd(::fcntl(session_fd, F_DUPFD_CLOEXEC, 3));
  if (!fd) {
    const int code = errno;
    return Error{Errno(code), fmt::format("Failed to set up FUSE session: cannot copy the "
                                          "descriptor of the session: {}",
                                          std::strerror(code))};
  }
  return std::unique_ptr<FuseDevice>(std::make_unique<KernelDevice>(std::move(fd)));
}

Result<std::unique_ptr<FuseDevice>, Error> CloneDevice(int session_fd) {
  UniqueFd fd(::open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!fd && (errno == EACCES || errno == EPERM || errno == ENOENT)) {
    return DuplicateDevice(session_fd);
  }
  auto source = static_cast<std::uint32_t>(session_fd);
  if (!fd || ::ioctl(fd.get(), abi::kIoctlClone, &source) != 0) {
    const int code = errno;
    return Error{Errno(code), fmt::format("Failed to set up FUSE session: cannot clone /dev/fuse: "
                                          "{}",
                                          std::strerror(code))};
  }
  return std::unique_ptr<FuseDevice>(std::make_unique<KernelDevice>(std::move(fd)));
}

}  // namespace fusebay::fuse
