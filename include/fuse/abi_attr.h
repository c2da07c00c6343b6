// The wire format of FUSE's attributes: GETATTR, SETATTR, STATX and STATFS.
#pragma once
#include <cstddef>
#include <cstdint>

namespace fusebay::fuse::abi {

// Attr::flags.
inline constexpr std::uint32_t kAttrSubmount = 1u << 0;
inline constexpr std::uint32_t kAttrDax = 1u << 1;

struct Attr {
  std::uint64_t ino;
  std::uint64_t size;
  std::uint64_t blocks;  // of 512 bytes
  std::uint64_t atime;
  std::uint64_t mtime;
  std::uint64_t ctime;
  std::uint32_t atime_ns;
  std::uint32_t mtime_ns;
  std::uint32_t ctime_ns;
  std::uint32_t mode;
  std::uint32_t nlink;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint32_t rdev;
  std::uint32_t blksize;  // from 7.9, as is `flags`
  std::uint32_t flags;
};
static_assert(sizeof(Attr) == 88);

inline constexpr std::uint32_t kGetAttrHandle = 1u << 0;  // `handle` counts
struct GetAttrIn {                                        // from 7.9; before it: nothing
  std::uint32_t flags;
  std::uint32_t padding;
  std::uint64_t handle;
};
static_assert(sizeof(GetAttrIn) == 16);

struct AttrOut {
  std::uint64_t attr_valid;
  std::uint32_t attr_valid_ns;
  std::uint32_t padding;
  Attr attr;
};
static_assert(sizeof(AttrOut) == 104);
inline constexpr std::size_t kAttrOutCompatBytes = 96;  // before 7.9

// SetAttrIn::valid.
inline constexpr std::uint32_t kSetMode = 1u << 0;
inline constexpr std::uint32_t kSetUid = 1u << 1;
inline constexpr std::uint32_t kSetGid = 1u << 2;
inline constexpr std::uint32_t kSetSize = 1u << 3;
inline constexpr std::uint32_t kSetAtime = 1u << 4;
inline constexpr std::uint32_t kSetMtime = 1u << 5;
inline constexpr std::uint32_t kSetHandle = 1u << 6;
inline constexpr std::uint32_t kSetAtimeNow = 1u << 7;
inline constexpr std::uint32_t kSetMtimeNow = 1u << 8;
inline constexpr std::uint32_t kSetLockOwner = 1u << 9;
inline constexpr std::uint32_t kSetCtime = 1u << 10;
inline constexpr std::uint32_t kSetKillSuidGid = 1u << 11;

struct SetAttrIn {
  std::uint32_t valid;
  std::uint32_t padding;
  std::uint64_t handle;
  std::uint64_t size;
  std::uint64_t lock_owner;
  std::uint64_t atime;
  std::uint64_t mtime;
  std::uint64_t ctime;
  std::uint32_t atime_ns;
  std::uint32_t mtime_ns;
  std::uint32_t ctime_ns;
  std::uint32_t mode;
  std::uint32_t unused4;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint32_t unused5;
};
static_assert(sizeof(SetAttrIn) == 88);

struct StatxTime {
  std::int64_t seconds;
  std::uint32_t nanoseconds;
  std::int32_t reserved;
};
static_assert(sizeof(StatxTime) == 16);

struct Statx {
  std::uint32_t mask;  // STATX_*
  std::uint32_t blksize;
  std::uint64_t attributes;
  std::uint32_t nlink;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint16_t mode;
  std::uint16_t spare0;
  std::uint64_t ino;
  std::uint64_t size;
  std::uint64_t blocks;
  std::uint64_t attributes_mask;
  StatxTime atime;
  StatxTime btime;
  StatxTime ctime;
  StatxTime mtime;
  std::uint32_t rdev_major;
  std::uint32_t rdev_minor;
  std::uint32_t dev_major;
  std::uint32_t dev_minor;
  std::uint64_t spare2[14];
};
static_assert(sizeof(Statx) == 256);

struct StatxIn {
  std::uint32_t getattr_flags;
  std::uint32_t reserved;
  std::uint64_t handle;
  std::uint32_t statx_flags;
  std::uint32_t statx_mask;
};
static_assert(sizeof(StatxIn) == 24);

struct StatxOut {
  std::uint64_t attr_valid;
  std::uint32_t attr_valid_ns;
  std::uint32_t flags;
  std::uint64_t spare[2];
  Statx stat;
};
static_assert(sizeof(StatxOut) == 288);

struct StatFsOut {
  std::uint64_t blocks;
  std::uint64_t bfree;
  std::uint64_t bavail;
  std::uint64_t files;
  std::uint64_t ffree;
  std::uint32_t bsize;
  std::uint32_t namelen;
  std::uint32_t frsize;  // from 7.4, as is all that follows
  std::uint32_t padding;
  std::uint32_t spare[6];
};
static_assert(sizeof(StatFsOut) == 80);
inline constexpr std::size_t kStatFsOutCompatBytes = 48;  // before 7.4

}  // namespace fusebay::fuse::abi
