// Unmounts one mount of the table, and never another one in its place.
#include <fmt/format.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstring>

#include "fuse/mount_table.h"
#include "fuse/transport/fusermount.h"

namespace fusebay::fuse {

namespace {

bool IsListed(const std::vector<MountEntry>& table, const MountEntry& wanted) {
  for (const MountEntry& entry : table) {
    if (entry.IsSameMount(wanted)) {
      return true;
    }
  }
  return false;
}

}  // namespace

Result<Unit, Error> Unmount(const MountEntry& entry, UnmountMode mode,
                            const std::string& fusermount) {
  FB_ASSIGN(const std::vector<MountEntry> table, ReadMountTable());
  if (!IsListed(table, entry)) {
    return Unit{};
  }
  const MountEntry* const top = FindTopMount(table, entry.mountpoint);
  if (top == nullptr || !top->IsSameMount(entry)) {
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

}  // namespace fusebay::fuse
