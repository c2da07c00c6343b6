// The wire format of what a FUSE server tells its client unasked, and of the ioctls of /dev/fuse.
#pragma once
#include <sys/ioctl.h>

#include <cstdint>

namespace fusebay::fuse::abi {

// In OutHeader::error, with unique 0.
enum class NotifyCode : std::int32_t {
  kPoll = 1,
  kInvalInode = 2,
  kInvalEntry = 3,
  kStore = 4,
  kRetrieve = 5,
  kDelete = 6,
  kResend = 7,    // 7.40; no arguments
  kIncEpoch = 8,  // 7.44; no arguments
  kPrune = 9,     // 7.45
};

struct NotifyPollOut {
  std::uint64_t kernel_handle;
};
static_assert(sizeof(NotifyPollOut) == 8);

struct NotifyInvalInodeOut {
  std::uint64_t nodeid;
  std::int64_t offset;  // negative: attributes only
  std::int64_t length;  // 0: to the end of the file
};
static_assert(sizeof(NotifyInvalInodeOut) == 24);

inline constexpr std::uint32_t kNotifyExpireOnly = 1u << 0;  // 7.38
// Followed by the name and a NUL.
struct NotifyInvalEntryOut {
  std::uint64_t parent;
  std::uint32_t namelen;  // without the NUL
  std::uint32_t flags;
};
static_assert(sizeof(NotifyInvalEntryOut) == 16);

// Followed by the name and a NUL.
struct NotifyDeleteOut {
  std::uint64_t parent;
  std::uint64_t child;
  std::uint32_t namelen;
  std::uint32_t padding;
};
static_assert(sizeof(NotifyDeleteOut) == 24);

// Followed by `size` bytes for the page cache.
struct NotifyStoreOut {
  std::uint64_t nodeid;
  std::uint64_t offset;
  std::uint32_t size;
  std::uint32_t padding;
};
static_assert(sizeof(NotifyStoreOut) == 24);

struct NotifyRetrieveOut {
  std::uint64_t notify_unique;
  std::uint64_t nodeid;
  std::uint64_t offset;
  std::uint32_t size;
  std::uint32_t padding;
};
static_assert(sizeof(NotifyRetrieveOut) == 32);

// The arguments of the NOTIFY_REPLY request; then `size` bytes.
struct NotifyRetrieveIn {
  std::uint64_t padding1;
  std::uint64_t offset;
  std::uint32_t size;
  std::uint32_t padding2;
  std::uint64_t padding3;
  std::uint64_t padding4;
};
static_assert(sizeof(NotifyRetrieveIn) == 40);

// Followed by `count` node ids.
struct NotifyPruneOut {
  std::uint32_t count;
  std::uint32_t padding;
  std::uint64_t spare;
};
static_assert(sizeof(NotifyPruneOut) == 16);

struct BackingMap {
  std::int32_t fd;
  std::uint32_t flags;
  std::uint64_t padding;
};
static_assert(sizeof(BackingMap) == 16);

// Joins a freshly opened /dev/fuse to the session of the fd that the argument holds.
inline constexpr unsigned long kIoctlClone = _IOR(229, 0, std::uint32_t);
// Registers a file for kernel passthrough; returns its backing id.
inline constexpr unsigned long kIoctlBackingOpen = _IOW(229, 1, BackingMap);
inline constexpr unsigned long kIoctlBackingClose = _IOW(229, 2, std::uint32_t);
// Before mount(2): INIT is answered while mount(2) waits.
inline constexpr unsigned long kIoctlSyncInit = _IO(229, 3);

}  // namespace fusebay::fuse::abi
