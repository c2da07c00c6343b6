// The wire format of FUSE's INIT: version, limits and the flags that client and server agree on.
#pragma once
#include <cstddef>
#include <cstdint>

namespace fusebay::fuse::abi {

// Init flags, both halves as one set: InitIn::flags and InitOut::flags hold bits 0 to 31, flags2
// bits 32 to 63 (only meaningful with kInitExt). The name says what FUSE_... is called in C.
inline constexpr std::uint64_t kInitAsyncRead = 1ull << 0;
inline constexpr std::uint64_t kInitPosixLocks = 1ull << 1;
inline constexpr std::uint64_t kInitFileOps = 1ull << 2;
inline constexpr std::uint64_t kInitAtomicOTrunc = 1ull << 3;
inline constexpr std::uint64_t kInitExportSupport = 1ull << 4;  // LOOKUP of "." and ".." works
inline constexpr std::uint64_t kInitBigWrites = 1ull << 5;      // more than 4 KiB in a WRITE
inline constexpr std::uint64_t kInitDontMask = 1ull << 6;       // the umask is left to the server
inline constexpr std::uint64_t kInitSpliceWrite = 1ull << 7;
inline constexpr std::uint64_t kInitSpliceMove = 1ull << 8;
inline constexpr std::uint64_t kInitSpliceRead = 1ull << 9;
inline constexpr std::uint64_t kInitFlockLocks = 1ull << 10;
inline constexpr std::uint64_t kInitHasIoctlDir = 1ull << 11;
inline constexpr std::uint64_t kInitAutoInvalData = 1ull << 12;  // a new mtime drops cached pages
inline constexpr std::uint64_t kInitDoReadDirPlus = 1ull << 13;
inline constexpr std::uint64_t kInitReadDirPlusAuto = 1ull << 14;
inline constexpr std::uint64_t kInitAsyncDio = 1ull << 15;
inline constexpr std::uint64_t kInitWritebackCache = 1ull << 16;
inline constexpr std::uint64_t kInitNoOpenSupport = 1ull << 17;  // OPEN may say ENOSYS
inline constexpr std::uint64_t kInitParallelDirOps = 1ull << 18;
inline constexpr std::uint64_t kInitHandleKillPriv = 1ull << 19;
inline constexpr std::uint64_t kInitPosixAcl = 1ull << 20;
inline constexpr std::uint64_t kInitAbortError = 1ull << 21;
inline constexpr std::uint64_t kInitMaxPages = 1ull << 22;  // InitOut::max_pages counts
inline constexpr std::uint64_t kInitCacheSymlinks = 1ull << 23;
inline constexpr std::uint64_t kInitNoOpenDirSupport = 1ull << 24;
inline constexpr std::uint64_t kInitExplicitInvalData = 1ull << 25;  // pages go only when told
inline constexpr std::uint64_t kInitMapAlignment = 1ull << 26;  // InitOut::map_alignment counts
inline constexpr std::uint64_t kInitSubmounts = 1ull << 27;
inline constexpr std::uint64_t kInitHandleKillPrivV2 = 1ull << 28;
inline constexpr std::uint64_t kInitSetXattrExt = 1ull << 29;  // SETXATTR has the long arguments
inline constexpr std::uint64_t kInitExt = 1ull << 30;          // flags2 counts
inline constexpr std::uint64_t kInitReserved = 1ull << 31;
inline constexpr std::uint64_t kInitSecurityCtx = 1ull << 32;
inline constexpr std::uint64_t kInitHasInodeDax = 1ull << 33;
inline constexpr std::uint64_t kInitCreateSuppGroup = 1ull << 34;
inline constexpr std::uint64_t kInitHasExpireOnly = 1ull << 35;
inline constexpr std::uint64_t kInitDirectIoAllowMmap = 1ull << 36;
inline constexpr std::uint64_t kInitPassthrough = 1ull << 37;  // InitOut::max_stack_depth counts
inline constexpr std::uint64_t kInitNoExportSupport = 1ull << 38;
inline constexpr std::uint64_t kInitHasResend = 1ull << 39;
inline constexpr std::uint64_t kInitAllowIdmap = 1ull << 40;
inline constexpr std::uint64_t kInitOverIoUring = 1ull << 41;
inline constexpr std::uint64_t kInitRequestTimeout = 1ull << 42;  // InitOut::request_timeout counts

struct InitIn {
  std::uint32_t major;
  std::uint32_t minor;
  std::uint32_t max_readahead;  // from 7.6, as is `flags`
  std::uint32_t flags;
  std::uint32_t flags2;  // from 7.36, with kInitExt
  std::uint32_t unused[11];
};
static_assert(sizeof(InitIn) == 64);
// Requests of clients before 7.6, and of those before 7.36.
inline constexpr std::size_t kInitInVersionBytes = 8;
inline constexpr std::size_t kInitInShortBytes = 16;

struct InitOut {
  std::uint32_t major;
  std::uint32_t minor;
  std::uint32_t max_readahead;
  std::uint32_t flags;
  std::uint16_t max_background;
  std::uint16_t congestion_threshold;
  std::uint32_t max_write;
  std::uint32_t time_granularity_ns;  // from 7.23, as is all that follows
  std::uint16_t max_pages;            // with kInitMaxPages
  std::uint16_t map_alignment;        // log2 of bytes; with kInitMapAlignment
  std::uint32_t flags2;
  std::uint32_t max_stack_depth;  // with kInitPassthrough
  std::uint16_t request_timeout;  // seconds; with kInitRequestTimeout
  std::uint16_t unused[11];
};
static_assert(sizeof(InitOut) == 64);
// Replies to clients before 7.5, and to those before 7.23.
inline constexpr std::size_t kInitOutVersionBytes = 8;
inline constexpr std::size_t kInitOutShortBytes = 24;

struct CuseInitIn {
  std::uint32_t major;
  std::uint32_t minor;
  std::uint32_t unused;
  std::uint32_t flags;
};
static_assert(sizeof(CuseInitIn) == 16);

struct CuseInitOut {
  std::uint32_t major;
  std::uint32_t minor;
  std::uint32_t unused;
  std::uint32_t flags;
  std::uint32_t max_read;
  std::uint32_t max_write;
  std::uint32_t dev_major;
  std::uint32_t dev_minor;
  std::uint32_t spare[10];
};
static_assert(sizeof(CuseInitOut) == 72);

}  // namespace fusebay::fuse::abi
