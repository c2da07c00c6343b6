// The wire format of FUSE 7.45: headers, opcodes and limits; the rest of it is included below.
//
// Our own names for the protocol of Linux (include/uapi/linux/fuse.h says the same in C). All
// integers are in the byte order of the client. Every structure is a multiple of 8 bytes, so that
// a 32-bit program may serve a 64-bit kernel; sizes are asserted here, and against the system's
// header in tests/unit/fuse/server/abi_test.cc.
//
//   request   InHeader, fixed arguments, NUL-terminated names, data
//   reply     OutHeader, fixed arguments, data; with an error only the header
//   notify    OutHeader with unique 0 and a NotifyCode in `error`, then its arguments
#pragma once
#include <cstddef>
#include <cstdint>

#include "fuse/abi_file.h"    // IWYU pragma: export
#include "fuse/abi_init.h"    // IWYU pragma: export
#include "fuse/abi_misc.h"    // IWYU pragma: export
#include "fuse/abi_node.h"    // IWYU pragma: export
#include "fuse/abi_notify.h"  // IWYU pragma: export
#include "fuse/abi_uring.h"   // IWYU pragma: export

namespace fusebay::fuse::abi {

inline constexpr std::uint32_t kMajor = 7;
inline constexpr std::uint32_t kMinor = 45;

// A read of /dev/fuse with a smaller buffer is refused.
inline constexpr std::size_t kMinReadBuffer = 8192;
inline constexpr std::size_t kMaxName = 255;
inline constexpr std::size_t kMaxSymlinkTarget = 4095;
// Set in `unique` of a request that is sent again after NOTIFY_RESEND.
inline constexpr std::uint64_t kUniqueResend = 1ull << 63;
// INTERRUPT's own unique is that of its victim with this bit set.
inline constexpr std::uint64_t kUniqueInterrupt = 1;

enum class Opcode : std::uint32_t {
  kLookup = 1,
  kForget = 2,  // no reply
  kGetAttr = 3,
  kSetAttr = 4,
  kReadLink = 5,
  kSymlink = 6,
  kMknod = 8,
  kMkdir = 9,
  kUnlink = 10,
  kRmdir = 11,
  kRename = 12,
  kLink = 13,
  kOpen = 14,
  kRead = 15,
  kWrite = 16,
  kStatFs = 17,
  kRelease = 18,
  kFsync = 20,
  kSetXattr = 21,
  kGetXattr = 22,
  kListXattr = 23,
  kRemoveXattr = 24,
  kFlush = 25,
  kInit = 26,
  kOpenDir = 27,
  kReadDir = 28,
  kReleaseDir = 29,
  kFsyncDir = 30,
  kGetLk = 31,
  kSetLk = 32,
  kSetLkw = 33,
  kAccess = 34,
  kCreate = 35,
  kInterrupt = 36,  // no reply, or EAGAIN: ask again
  kBmap = 37,
  kDestroy = 38,
  kIoctl = 39,
  kPoll = 40,
  kNotifyReply = 41,  // no reply; the data that NotifyRetrieveOut asked for
  kBatchForget = 42,  // no reply
  kFallocate = 43,
  kReadDirPlus = 44,
  kRename2 = 45,
  kLseek = 46,
  kCopyFileRange = 47,
  kSetupMapping = 48,
  kRemoveMapping = 49,
  kSyncFs = 50,
  kTmpFile = 51,
  kStatx = 52,
  kCopyFileRange64 = 53,

  kCuseInit = 4096,
  // What the first request of a client of the other byte order looks like.
  kCuseInitByteSwapped = 1048576,
  kInitByteSwapped = 436207616,
};
inline constexpr std::uint32_t kMaxOpcode = 53;

struct InHeader {
  std::uint32_t length;  // of the whole request, this header included
  std::uint32_t opcode;
  std::uint64_t unique;
  std::uint64_t nodeid;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint32_t pid;
  std::uint16_t total_extlen;  // of the extensions at the end of the request, in units of 8 bytes
  std::uint16_t padding;
};
static_assert(sizeof(InHeader) == 40);

struct OutHeader {
  std::uint32_t length;  // of the whole reply, this header included
  std::int32_t error;    // 0 or -errno; the NotifyCode of a notification
  std::uint64_t unique;
};
static_assert(sizeof(OutHeader) == 16);

// An extension of a creating request: `size` bytes in all, this header included. Types up to
// kMaxSecurityContexts are no types: the header is then a SecurityContextHeader.
struct ExtensionHeader {
  std::uint32_t size;
  std::uint32_t type;
};
static_assert(sizeof(ExtensionHeader) == 8);
inline constexpr std::uint32_t kMaxSecurityContexts = 31;
inline constexpr std::uint32_t kExtensionGroups = 32;

// Followed by `count` times { SecurityContext, its name, its label }.
struct SecurityContextHeader {
  std::uint32_t size;
  std::uint32_t count;
};
static_assert(sizeof(SecurityContextHeader) == 8);

struct SecurityContext {
  std::uint32_t size;  // of the label
  std::uint32_t padding;
};
static_assert(sizeof(SecurityContext) == 8);

// Follows ExtensionHeader with kExtensionGroups; `count` ids of 32 bits come after it.
struct SupplementaryGroups {
  std::uint32_t count;
};
static_assert(sizeof(SupplementaryGroups) == 4);

}  // namespace fusebay::fuse::abi
