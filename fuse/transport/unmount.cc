// Unmounts one mount of the table, and never another one in its place.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/fd.h"
#include "core/log.h"
#include "fuse/mount_table.h"
#include "fuse/transport/fusermount.h"

namespace fusebay::fuse {

Result<Unit, Error> Unmount(const MountIdentity& entry, UnmountMode mode,
                            const std::string& fusermount) {
  if (!IsOnTop(entry)) {
    FB_ASSIGN(const std::vector<MountEntry> table, ReadMountTable());
    if (!IsListed(table, entry)) {
      return Unit{};
    }
    return Error{Errno(EBUSY),
                 fmt::format("'{}': something else is mounted over it", entry.mountpoint)};
  }
  const bool lazy = mode == UnmountMode::kLazy;
  const int flags = UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0);
  if (::umount2(entry.mountpoint.c_str(), flags) == 0) {
    return Unit{};
  }
  if (errno == EPERM) {
    FusermountProgram program;
    program.name = fusermount;
    auto unmounted = UnmountWithFusermount(program, entry.mountpoint, lazy);
    if (unmounted.ok()) {
      return Unit{};
    }
    return Error{unmounted.error().code, fmt::format("'{}': cannot unmount: {}", entry.mountpoint,
                                                     unmounted.error().message)};
  }
  const int code = errno;
  return Error{Errno(code),
               fmt::format("'{}': cannot unmount: {}", entry.mountpoint, std::strerror(code))};
}

// Root may force it. Whoever mounted it may write to the session's control file, where that file
// system is mounted.
void AbortSession(const MountIdentity& entry) {
  if (!IsOnTop(entry)) {
    return;
  }
  if (::umount2(entry.mountpoint.c_str(), MNT_FORCE | UMOUNT_NOFOLLOW) == 0 || errno == EBUSY) {
    return;
  }
  const UniqueFd control(
      ::open(fmt::format("/sys/fs/fuse/connections/{}/abort", entry.device_minor).c_str(),
             O_WRONLY | O_CLOEXEC));
  if (control && ::write(control.get(), "1", 1) != 1) {
    LogWarning(
        fmt::format("'{}': cannot abort the session: {}", entry.mountpoint, std::strerror(errno)));
  }
}

}  // namespace fusebay::fuse
