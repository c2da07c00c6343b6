// fusermount3, spoken to directly: for what libfuse cannot ask of it (another mount namespace,
// another program, a mount that ends when we say so).
#pragma once
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "fuse/transport/child_process.h"
#include "fuse/transport/death_watch.h"

namespace fusebay::fuse {

struct FusermountProgram {
  std::string name = "fusermount3";
  int mount_namespace_fd = -1;  // of /proc/PID/ns/mnt: run it there, with nsenter
};

struct FusermountSession {
  UniqueFd device;        // /dev/fuse of the session
  DeathWatch keep_alive;  // with auto_unmount: the mount ends when this is released, or we die
  ChildProcess child;     // with auto_unmount: it waits for that
};

// `text` as the value of a mount option: neither ',' nor '\' in it means anything.
std::string EscapeOption(std::string_view text);

// `options` as after -o. With auto_unmount among them the child stays.
Result<FusermountSession, Error> MountWithFusermount(const FusermountProgram& program,
                                                     const std::string& options,
                                                     const std::string& mountpoint,
                                                     bool auto_unmount);

Result<Unit, Error> UnmountWithFusermount(const FusermountProgram& program,
                                          const std::string& mountpoint, bool lazy);

}  // namespace fusebay::fuse
