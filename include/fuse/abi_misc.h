// The wire format of FUSE's extended attributes, locks, ioctl, poll and DAX mappings.
#pragma once
#include <cstddef>
#include <cstdint>

namespace fusebay::fuse::abi {

// SETXATTR: this (only its first half without kInitSetXattrExt), a name, then `size` bytes.
inline constexpr std::uint32_t kSetXattrAclKillSgid = 1u << 0;
struct SetXattrIn {
  std::uint32_t size;
  std::uint32_t flags;
  std::uint32_t setxattr_flags;
  std::uint32_t padding;
};
static_assert(sizeof(SetXattrIn) == 16);
inline constexpr std::size_t kSetXattrInCompatBytes = 8;

// GETXATTR, then a name, and LISTXATTR. With size 0 the reply is GetXattrOut, else the data.
struct GetXattrIn {
  std::uint32_t size;
  std::uint32_t padding;
};
static_assert(sizeof(GetXattrIn) == 8);
struct GetXattrOut {
  std::uint32_t size;
  std::uint32_t padding;
};
static_assert(sizeof(GetXattrOut) == 8);

struct FileLock {
  std::uint64_t start;
  std::uint64_t end;   // inclusive
  std::uint32_t type;  // F_RDLCK, F_WRLCK, F_UNLCK
  std::uint32_t pid;
};
static_assert(sizeof(FileLock) == 24);

// GETLK, SETLK and SETLKW.
inline constexpr std::uint32_t kLockFlock = 1u << 0;  // flock(2), not fcntl(2)
struct LockIn {
  std::uint64_t handle;
  std::uint64_t owner;
  FileLock lock;
  std::uint32_t lock_flags;  // from 7.9, as is `padding`
  std::uint32_t padding;
};
static_assert(sizeof(LockIn) == 48);
inline constexpr std::size_t kLockInCompatBytes = 40;  // before 7.9
struct LockOut {
  FileLock lock;
};
static_assert(sizeof(LockOut) == 24);

struct InterruptIn {
  std::uint64_t unique;  // of the request to end early
};
static_assert(sizeof(InterruptIn) == 8);

inline constexpr std::uint32_t kIoctlCompat = 1u << 0;
inline constexpr std::uint32_t kIoctlUnrestricted = 1u << 1;
inline constexpr std::uint32_t kIoctlRetry = 1u << 2;
inline constexpr std::uint32_t kIoctl32Bit = 1u << 3;
inline constexpr std::uint32_t kIoctlDir = 1u << 4;
inline constexpr std::uint32_t kIoctlCompatX32 = 1u << 5;
inline constexpr std::uint32_t kIoctlMaxIov = 256;
// IOCTL: this, then `in_size` bytes.
struct IoctlIn {
  std::uint64_t handle;
  std::uint32_t flags;
  std::uint32_t command;
  std::uint64_t arg;
  std::uint32_t in_size;  // from 7.11, as is `out_size`
  std::uint32_t out_size;
};
static_assert(sizeof(IoctlIn) == 32);
struct IoctlIovec {
  std::uint64_t base;
  std::uint64_t length;
};
static_assert(sizeof(IoctlIovec) == 16);
// Followed by the data, or with kIoctlRetry by in_iovs + out_iovs times IoctlIovec.
struct IoctlOut {
  std::int32_t result;
  std::uint32_t flags;
  std::uint32_t in_iovs;
  std::uint32_t out_iovs;
};
static_assert(sizeof(IoctlOut) == 16);

inline constexpr std::uint32_t kPollScheduleNotify = 1u << 0;
struct PollIn {
  std::uint64_t handle;
  std::uint64_t kernel_handle;
  std::uint32_t flags;
  std::uint32_t events;  // POLL*; from 7.21
};
static_assert(sizeof(PollIn) == 24);
struct PollOut {
  std::uint32_t revents;
  std::uint32_t padding;
};
static_assert(sizeof(PollOut) == 8);

inline constexpr std::uint64_t kSetupMappingWrite = 1ull << 0;
inline constexpr std::uint64_t kSetupMappingRead = 1ull << 1;
struct SetupMappingIn {
  std::uint64_t handle;  // all ones: the server opens the node itself
  std::uint64_t file_offset;
  std::uint64_t length;
  std::uint64_t flags;
  std::uint64_t window_offset;
};
static_assert(sizeof(SetupMappingIn) == 40);

// REMOVEMAPPING: this, then `count` times RemoveMappingOne.
struct RemoveMappingIn {
  std::uint32_t count;
};
static_assert(sizeof(RemoveMappingIn) == 4);
struct RemoveMappingOne {
  std::uint64_t window_offset;
  std::uint64_t length;
};
static_assert(sizeof(RemoveMappingOne) == 16);
inline constexpr std::uint32_t kMaxRemoveMappings = 4096 / sizeof(RemoveMappingOne);

}  // namespace fusebay::fuse::abi
