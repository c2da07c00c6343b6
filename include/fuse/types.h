// The words that server, filesystems and transports share: ids, attributes, callers.
#pragma once
#include <sys/stat.h>
#include <time.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/sync.h"

namespace fusebay::fuse {

enum class NodeId : std::uint64_t { kNone = 0, kRoot = 1 };
enum class Handle : std::uint64_t {};

// What INIT settled between kernel and server. `flags` are the FUSE_* init flags of fuse/abi.h in
// force, both halves.
struct Negotiated {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint64_t flags = 0;
  std::uint32_t max_write = 0;
  std::uint32_t max_readahead = 0;
  std::uint16_t max_background = 0;
  bool Has(std::uint64_t flag) const { return (flags & flag) != 0; }
};

// Who asks. `cancel` belongs to the request: an operation that can wait without limit watches it.
struct Caller {
  std::uint64_t unique = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t pid = 0;
  CancelToken* cancel = nullptr;
};

struct Attr {
  std::uint64_t ino = 0;
  std::uint64_t size = 0;    // bytes
  std::uint64_t blocks = 0;  // 512-byte blocks
  timespec atime{};
  timespec mtime{};
  timespec ctime{};
  timespec btime{};  // birth; zero: unknown
  std::uint32_t mode = 0;
  std::uint32_t nlink = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t rdev_major = 0;
  std::uint32_t rdev_minor = 0;
  std::uint32_t blksize = 0;
  std::uint32_t flags = 0;            // FUSE_ATTR_*
  std::uint64_t attributes = 0;       // STATX_ATTR_* that are set
  std::uint64_t attributes_mask = 0;  // STATX_ATTR_* that are known
  Nanoseconds valid{0};               // how long the client may keep this
};

struct Entry {
  NodeId node = NodeId::kNone;  // kNone: a negative entry, to be cached for `valid`
  std::uint64_t generation = 0;
  Attr attr;
  Nanoseconds valid{0};
};

struct Opened {
  Handle handle{};
  std::uint32_t open_flags = 0;  // FOPEN_*
  std::int32_t backing_id = 0;   // with FOPEN_PASSTHROUGH
};

// What SETATTR asks for; only what is set changes.
struct SetAttrArgs {
  std::optional<std::uint32_t> mode;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  std::optional<std::uint64_t> size;
  std::optional<timespec> atime;  // UTIME_NOW in tv_nsec: the current time
  std::optional<timespec> mtime;
  std::optional<timespec> ctime;
  std::optional<std::uint64_t> lock_owner;
  bool kill_suidgid = false;
  bool open_truncate = false;  // O_TRUNC at open, not truncate(2)
};

struct OpenArgs {
  std::uint32_t flags = 0;    // O_*
  bool kill_suidgid = false;  // the open truncates, on behalf of somebody who may not keep them
};

struct ReadArgs {
  std::uint64_t offset = 0;
  std::uint32_t open_flags = 0;  // O_* of the open file
  std::optional<std::uint64_t> lock_owner;
};

struct WriteArgs {
  std::uint64_t offset = 0;
  std::uint32_t open_flags = 0;
  bool from_page_cache = false;  // delayed write of the page cache; the caller's ids are a guess
  bool kill_suidgid = false;
  std::optional<std::uint64_t> lock_owner;
};

struct FileLock {
  std::uint64_t start = 0;
  std::uint64_t end = 0;   // inclusive; INT64_MAX: to the end
  std::uint32_t type = 0;  // F_RDLCK, F_WRLCK, F_UNLCK
  std::uint32_t pid = 0;
};

// A part of the memory of the process that called ioctl(2).
struct IoctlRange {
  std::uint64_t address = 0;
  std::uint64_t length = 0;
};

struct IoctlResult {
  std::int32_t result = 0;
  std::uint32_t out_size = 0;
  // If there are any, nothing has been done: the kernel asks once more, with the bytes of
  // `retry_in`, and with room for those that it will then put into `retry_out`. Only where
  // IoctlArgs::flags has kIoctlUnrestricted; kIoctlMaxIov of both together at most.
  std::vector<IoctlRange> retry_in{};
  std::vector<IoctlRange> retry_out{};
};

struct FsStat {
  std::uint64_t blocks = 0;  // in units of frsize
  std::uint64_t bfree = 0;
  std::uint64_t bavail = 0;
  std::uint64_t files = 0;
  std::uint64_t ffree = 0;
  std::uint32_t bsize = 0;
  std::uint32_t namelen = 0;
  std::uint32_t frsize = 0;
};

struct DirEntry {
  std::uint64_t ino = 0;
  std::uint64_t next_offset = 0;  // where a later READDIR goes on after this entry
  std::uint32_t type = 0;         // DT_*
  std::string_view name;
};

}  // namespace fusebay::fuse
