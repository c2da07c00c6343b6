// Mountpoints of single-file exports: which file a path means, and whether it may be mounted over.
#include "export/mountpoint.h"

#include <fmt/format.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "core/log.h"
#include "fuse/mount_table.h"

namespace fusebay {

namespace {

// Mounts of killed servers may lie on top of each other; more than this is somebody's mistake.
constexpr int kMaxDeadMounts = 64;

Error StatError(const std::string& path, int error) {
  return {Errno{error}, fmt::format("Failed to stat '{}': {}", path, std::strerror(error))};
}

// Whether nobody serves the mount any more. Asks the server, if there is one.
bool IsDead(const std::string& mountpoint) {
  struct statfs unused{};
  return ::statfs(mountpoint.c_str(), &unused) != 0 && (errno == ENOTCONN || errno == ECONNABORTED);
}

}  // namespace

Error MountpointTaken(const std::string& path) {
  return {Errno{EEXIST}, fmt::format("There already is a FUSE export on '{}'", path)};
}

Result<std::string, Error> ResolveMountpoint(const std::string& path) {
  const std::unique_ptr<char, decltype(&::free)> resolved(::realpath(path.c_str(), nullptr),
                                                          &::free);
  if (resolved == nullptr) {
    return StatError(path, errno);
  }
  return std::string(resolved.get());
}

Result<Unit, Error> PrepareMountpoint(const std::string& path, const std::string& resolved,
                                      const std::string& fusermount) {
  for (int i = 0; i < kMaxDeadMounts; ++i) {
    FB_ASSIGN(const std::vector<fuse::MountEntry> table, fuse::ReadMountTable());
    const fuse::MountEntry* const top = fuse::FindTopMount(table, resolved);
    if (top == nullptr || top->type != fuse::kMountType) {
      break;
    }
    if (!IsDead(resolved)) {
      return MountpointTaken(path);
    }
    LogInfo(fmt::format("'{}': unmounting what a server that has died left there", path));
    FB_TRY(fuse::Unmount(*top, fuse::UnmountMode::kLazy, fusermount));
  }
  struct stat st{};
  if (::stat(resolved.c_str(), &st) != 0) {
    return StatError(path, errno);
  }
  if (!S_ISREG(st.st_mode)) {
    return Error{Errno{EINVAL}, fmt::format("'{}' is not a regular file", path)};
  }
  return Unit{};
}

}  // namespace fusebay
