// How far the kernel reads ahead of a client of one mount.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "base/fd.h"
#include "fuse/mount_table.h"

namespace fusebay::fuse {

Result<> SetReadAhead(const MountIdentity& entry, std::uint32_t bytes, const std::string& sysfs) {
  const std::string path = fmt::format("{}/class/bdi/{}:{}/read_ahead_kb", sysfs,
                                       entry.device_major, entry.device_minor);
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) {
    return Errno{errno};
  }
  const std::string text = std::to_string(bytes / 1024);
  const ssize_t written = ::write(file.get(), text.data(), text.size());
  return written == static_cast<ssize_t>(text.size()) ? Ok() : Result<>{Errno{errno}};
}

}  // namespace fusebay::fuse
