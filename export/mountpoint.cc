// Mountpoints of single-file exports: which file a path means, and whether it may be mounted over.
#include "export/mountpoint.h"

#include <fmt/format.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>

#include "core/log.h"
#include "export/child_call.h"
#include "fuse/mount_table.h"

namespace fusebay {

namespace {

// Mounts of killed servers may lie on top of each other; more than this is somebody's mistake.
constexpr int kMaxDeadMounts = 64;
// A server that lives answers at once, unless it is stopped or stuck.
constexpr std::chrono::seconds kAnswerLimit{3};

Error StatError(const std::string& path, int error) {
  return {Errno{error}, fmt::format("Failed to stat '{}': {}", path, std::strerror(error))};
}

// In a child process.
int StatFs(const void* path) {
  struct statfs unused{};
  return ::statfs(static_cast<const char*>(path), &unused) == 0 ? 0 : errno;
}

// Whether nobody serves the mount any more. Asks the server, if there is one: one that does not
// answer in time is not dead.
bool IsDead(const std::string& mountpoint) {
  const Result<> asked = CallInChild(&StatFs, mountpoint.c_str(), kAnswerLimit);
  return !asked.ok() && (asked.error() == Errno{ENOTCONN} || asked.error() == Errno{ECONNABORTED});
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

Result<Unit, Error> ClearDeadMounts(const std::string& path, const std::string& resolved,
                                    const std::string& fusermount) {
  // Mostly there is nothing, and then the table, long where there are many exports, is not read.
  if (const auto mounted = fuse::MountAt(resolved); mounted.ok() && !mounted->has_value()) {
    return Unit{};
  }
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
  return Unit{};
}

Result<Unit, Error> PrepareMountpoint(const std::string& path, const std::string& resolved,
                                      const std::string& fusermount) {
  FB_TRY(ClearDeadMounts(path, resolved, fusermount));
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
