// The wire format of FUSE's requests about open files and directories and their data.
#pragma once
#include <cstddef>
#include <cstdint>

#include "fuse/abi_node.h"

namespace fusebay::fuse::abi {

// OpenOut::open_flags.
inline constexpr std::uint32_t kFopenDirectIo = 1u << 0;
inline constexpr std::uint32_t kFopenKeepCache = 1u << 1;
inline constexpr std::uint32_t kFopenNonSeekable = 1u << 2;
inline constexpr std::uint32_t kFopenCacheDir = 1u << 3;
inline constexpr std::uint32_t kFopenStream = 1u << 4;
inline constexpr std::uint32_t kFopenNoFlush = 1u << 5;
inline constexpr std::uint32_t kFopenParallelDirectWrites = 1u << 6;
inline constexpr std::uint32_t kFopenPassthrough = 1u << 7;

// OpenIn::open_flags and CreateIn::open_flags.
inline constexpr std::uint32_t kOpenKillSuidGid = 1u << 0;

struct OpenIn {
  std::uint32_t flags;  // O_*
  std::uint32_t open_flags;
};
static_assert(sizeof(OpenIn) == 8);

// CREATE and TMPFILE: this, then a name.
struct CreateIn {
  std::uint32_t flags;
  std::uint32_t mode;
  std::uint32_t umask;  // from 7.12, as is `open_flags`
  std::uint32_t open_flags;
};
static_assert(sizeof(CreateIn) == 16);
inline constexpr std::size_t kCreateInCompatBytes = 8;  // before 7.12

// The reply of OPEN and OPENDIR, and the second part of CREATE's.
struct OpenOut {
  std::uint64_t handle;
  std::uint32_t open_flags;
  std::int32_t backing_id;  // with kFopenPassthrough
};
static_assert(sizeof(OpenOut) == 16);

inline constexpr std::uint32_t kReleaseFlush = 1u << 0;
inline constexpr std::uint32_t kReleaseFlockUnlock = 1u << 1;
struct ReleaseIn {
  std::uint64_t handle;
  std::uint32_t flags;
  std::uint32_t release_flags;
  std::uint64_t lock_owner;  // from 7.8
};
static_assert(sizeof(ReleaseIn) == 24);
inline constexpr std::size_t kReleaseInCompatBytes = 16;  // before 7.8

struct FlushIn {
  std::uint64_t handle;
  std::uint32_t unused;
  std::uint32_t padding;
  std::uint64_t lock_owner;  // from 7.7
};
static_assert(sizeof(FlushIn) == 24);
inline constexpr std::size_t kFlushInCompatBytes = 16;  // before 7.7

// READ, READDIR and READDIRPLUS.
inline constexpr std::uint32_t kReadLockOwner = 1u << 1;
struct ReadIn {
  std::uint64_t handle;
  std::uint64_t offset;
  std::uint32_t size;
  std::uint32_t read_flags;
  std::uint64_t lock_owner;  // from 7.9, as is all that follows
  std::uint32_t flags;       // O_*
  std::uint32_t padding;
};
static_assert(sizeof(ReadIn) == 40);
inline constexpr std::size_t kReadInCompatBytes = 24;  // before 7.9

inline constexpr std::uint32_t kWriteCache = 1u << 0;
inline constexpr std::uint32_t kWriteLockOwner = 1u << 1;
inline constexpr std::uint32_t kWriteKillSuidGid = 1u << 2;
// WRITE: this, then `size` bytes of data.
struct WriteIn {
  std::uint64_t handle;
  std::uint64_t offset;
  std::uint32_t size;
  std::uint32_t write_flags;
  std::uint64_t lock_owner;  // from 7.9, as is all that follows
  std::uint32_t flags;       // O_*
  std::uint32_t padding;
};
static_assert(sizeof(WriteIn) == 40);
inline constexpr std::size_t kWriteInCompatBytes = 24;  // before 7.9

struct WriteOut {
  std::uint32_t size;
  std::uint32_t padding;
};
static_assert(sizeof(WriteOut) == 8);

// FSYNC and FSYNCDIR.
inline constexpr std::uint32_t kFsyncDataOnly = 1u << 0;
struct FsyncIn {
  std::uint64_t handle;
  std::uint32_t fsync_flags;
  std::uint32_t padding;
};
static_assert(sizeof(FsyncIn) == 16);

struct FallocateIn {
  std::uint64_t handle;
  std::uint64_t offset;
  std::uint64_t length;
  std::uint32_t mode;
  std::uint32_t padding;
};
static_assert(sizeof(FallocateIn) == 32);

struct LseekIn {
  std::uint64_t handle;
  std::uint64_t offset;
  std::uint32_t whence;
  std::uint32_t padding;
};
static_assert(sizeof(LseekIn) == 24);
struct LseekOut {
  std::uint64_t offset;
};
static_assert(sizeof(LseekOut) == 8);

// COPY_FILE_RANGE, answered by WriteOut, and COPY_FILE_RANGE_64, answered by CopyFileRangeOut.
struct CopyFileRangeIn {
  std::uint64_t handle_in;
  std::uint64_t offset_in;
  std::uint64_t nodeid_out;
  std::uint64_t handle_out;
  std::uint64_t offset_out;
  std::uint64_t length;
  std::uint64_t flags;
};
static_assert(sizeof(CopyFileRangeIn) == 56);
struct CopyFileRangeOut {
  std::uint64_t bytes_copied;
};
static_assert(sizeof(CopyFileRangeOut) == 8);

struct BmapIn {
  std::uint64_t block;
  std::uint32_t blocksize;
  std::uint32_t padding;
};
static_assert(sizeof(BmapIn) == 16);
struct BmapOut {
  std::uint64_t block;
};
static_assert(sizeof(BmapOut) == 8);

// One entry of a READDIR reply: this, `namelen` bytes of name (no NUL), zeroes up to a multiple
// of 8. READDIRPLUS puts an EntryOut before it.
struct Dirent {
  std::uint64_t ino;
  std::uint64_t next_offset;
  std::uint32_t namelen;
  std::uint32_t type;  // DT_*
};
static_assert(sizeof(Dirent) == 24);
struct DirentPlus {
  EntryOut entry;
  Dirent dirent;
};
static_assert(sizeof(DirentPlus) == 152);
constexpr std::size_t AlignRecord(std::size_t size) { return (size + 7) & ~std::size_t{7}; }

}  // namespace fusebay::fuse::abi
