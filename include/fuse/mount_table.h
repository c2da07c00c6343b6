// The mount table: what is mounted where, as the kernel tells it.
//
// Reads text only and never touches a mounted path, so it is safe to use while the server behind
// a mount is stuck, dead, or this very thread. Any thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fusebay::fuse {

// The file system type of our own mounts.
inline constexpr std::string_view kMountType = "fuse.fusebay";

// Which mount it is, and where.
struct MountIdentity {
  int id = 0;
  unsigned device_major = 0;
  unsigned device_minor = 0;  // of a FUSE mount: its folder in /sys/fs/fuse/connections
  std::string mountpoint;     // absolute, in the root folder of the process that was asked

  // Whether it is the same mount as `other`, and not a later one in its place.
  bool IsSameMount(const MountIdentity& other) const {
    return id == other.id && device_major == other.device_major &&
           device_minor == other.device_minor && mountpoint == other.mountpoint;
  }
};

// One line of /proc/PID/mountinfo, with all its names in plain bytes.
struct MountEntry : MountIdentity {
  int parent = 0;
  std::string root;  // the part of the file system that is visible here
  std::string type;
  std::string source;
  std::string options;        // of the mount, as "ro,nosuid,..."
  std::string super_options;  // of the file system, as "rw,user_id=0,..."
};

// Whether `name` is one of the comma-separated `options`; the part after '=' does not count.
bool HasMountOption(std::string_view options, std::string_view name);

Result<std::vector<MountEntry>, Error> ParseMountTable(std::string_view text);

// The table of this process, or of another one by its "/proc/PID/mountinfo".
Result<std::vector<MountEntry>, Error> ReadMountTable(
    const std::string& path = "/proc/self/mountinfo");

// The mount that a look-up of the absolute and canonical path `mountpoint` ends in, if it is
// mounted exactly there; null when nothing is, or when another mount hides it.
const MountEntry* FindTopMount(const std::vector<MountEntry>& table, std::string_view mountpoint);

// Whether the table has it, hidden or not.
bool IsListed(const std::vector<MountEntry>& table, const MountIdentity& mount);

// The mount that a look-up of the absolute and canonical `path` ends in, if it is mounted exactly
// there. One system call, however many mounts there are; it asks no server. ENOTSUP where the
// kernel does not tell (before 5.8).
Result<std::optional<MountIdentity>> MountAt(const std::string& path);

// Whether a look-up of its mountpoint ends in `mount`.
bool IsOnTop(const MountIdentity& mount);

// Every entry of this type, hidden ones too.
std::vector<MountEntry> FindMountsOfType(const std::vector<MountEntry>& table,
                                         std::string_view type = kMountType);

enum class UnmountMode : std::uint8_t {
  kBusyFails,  // EBUSY while files are open
  kLazy,       // at once; what is open stays usable while its server lives
};

// Unmounts `entry`, unless something else is on top of it or in its place by now (EBUSY) or it is
// gone already (success). An ordinary user's mount goes through `fusermount`. Blocks: not for a
// loop's thread. Our own server must go on serving meanwhile, for the kernel may write data back.
Result<Unit, Error> Unmount(const MountIdentity& entry, UnmountMode mode,
                            const std::string& fusermount = "fusermount3");

// Ends the session behind `entry` without waiting for anybody: its requests fail, and whoever waits
// in the kernel for its server goes on. The mount stays, dead. For a server that has to end at
// once.
void AbortSession(const MountIdentity& entry);

// Lets the kernel read `bytes` ahead of a client of `entry` that reads in sequence, where it offers
// 128 KiB. Needs root. Holds once the session's INIT has been answered; before it, the answer
// lowers it again.
Result<> SetReadAhead(const MountIdentity& entry, std::uint32_t bytes,
                      const std::string& sysfs = "/sys");

}  // namespace fusebay::fuse
