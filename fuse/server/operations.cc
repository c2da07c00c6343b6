// The operations of FUSE: the table of opcodes.
#include "fuse/server/operations.h"

namespace fusebay::fuse {
namespace {

using abi::Opcode;
using Tail = Operation::Tail;

struct Listed {
  Opcode opcode;
  Operation operation;
};

template <class T>
constexpr std::uint16_t kSize = static_cast<std::uint16_t>(sizeof(T));
constexpr std::array kEntryName{NameRule::kEntry, NameRule::kNone};
constexpr std::array kLookupName{NameRule::kLookup, NameRule::kNone};
constexpr std::array kTwoEntries{NameRule::kEntry, NameRule::kEntry};
constexpr std::array kEntryAndTarget{NameRule::kEntry, NameRule::kTarget};
constexpr std::array kXattrName{NameRule::kXattr, NameRule::kNone};
constexpr std::array kAnyName{NameRule::kAny, NameRule::kNone};

constexpr Listed kListed[] = {
    {Opcode::kLookup, {.name = "LOOKUP", .serve = &ServeLookup, .names = kLookupName}},
    {Opcode::kForget,
     {.name = "FORGET", .serve = &ServeForget, .args = kSize<abi::ForgetIn>, .answered = false}},
    {Opcode::kGetAttr,
     {.name = "GETATTR", .serve = &ServeGetAttr, .args = kSize<abi::GetAttrIn>, .old_before = 9}},
    {Opcode::kSetAttr, {.name = "SETATTR", .serve = &ServeSetAttr, .args = kSize<abi::SetAttrIn>}},
    {Opcode::kReadLink, {.name = "READLINK", .serve = &ServeReadLink}},
    {Opcode::kSymlink, {.name = "SYMLINK", .serve = &ServeSymlink, .names = kEntryAndTarget}},
    {Opcode::kMknod,
     {.name = "MKNOD",
      .serve = &ServeMknod,
      .args = kSize<abi::MknodIn>,
      .old_args = abi::kMknodInCompatBytes,
      .old_before = 12,
      .names = kEntryName}},
    {Opcode::kMkdir,
     {.name = "MKDIR", .serve = &ServeMkdir, .args = kSize<abi::MkdirIn>, .names = kEntryName}},
    {Opcode::kUnlink, {.name = "UNLINK", .serve = &ServeUnlink, .names = kEntryName}},
    {Opcode::kRmdir, {.name = "RMDIR", .serve = &ServeRmdir, .names = kEntryName}},
    {Opcode::kRename,
     {.name = "RENAME", .serve = &ServeRename, .args = kSize<abi::RenameIn>, .names = kTwoEntries}},
    {Opcode::kLink,
     {.name = "LINK", .serve = &ServeLink, .args = kSize<abi::LinkIn>, .names = kEntryName}},
    {Opcode::kOpen, {.name = "OPEN", .serve = &ServeOpen, .args = kSize<abi::OpenIn>}},
    {Opcode::kRead,
     {.name = "READ",
      .serve = &ServeRead,
      .args = kSize<abi::ReadIn>,
      .old_args = abi::kReadInCompatBytes,
      .old_before = 9}},
    {Opcode::kWrite,
     {.name = "WRITE",
      .serve = &ServeWrite,
      .args = kSize<abi::WriteIn>,
      .old_args = abi::kWriteInCompatBytes,
      .old_before = 9,
      .tail = Tail::kBulk}},
    {Opcode::kStatFs, {.name = "STATFS", .serve = &ServeStatFs}},
    {Opcode::kRelease,
     {.name = "RELEASE",
      .serve = &ServeRelease,
      .args = kSize<abi::ReleaseIn>,
      .old_args = abi::kReleaseInCompatBytes,
      .old_before = 8}},
    {Opcode::kFsync, {.name = "FSYNC", .serve = &ServeFsync, .args = kSize<abi::FsyncIn>}},
    {Opcode::kSetXattr,
     {.name = "SETXATTR",
      .serve = &ServeSetXattr,
      .args = kSize<abi::SetXattrIn>,
      .names = kXattrName,
      .tail = Tail::kBulk}},
    {Opcode::kGetXattr,
     {.name = "GETXATTR",
      .serve = &ServeGetXattr,
      .args = kSize<abi::GetXattrIn>,
      .names = kXattrName}},
    {Opcode::kListXattr,
     {.name = "LISTXATTR", .serve = &ServeListXattr, .args = kSize<abi::GetXattrIn>}},
    {Opcode::kRemoveXattr,
     {.name = "REMOVEXATTR", .serve = &ServeRemoveXattr, .names = kXattrName}},
    {Opcode::kFlush,
     {.name = "FLUSH",
      .serve = &ServeFlush,
      .args = kSize<abi::FlushIn>,
      .old_args = abi::kFlushInCompatBytes,
      .old_before = 7}},
    {Opcode::kInit,
     {.name = "INIT", .serve = &ServeInit, .args = abi::kInitInVersionBytes, .tail = Tail::kLoose}},
    {Opcode::kOpenDir, {.name = "OPENDIR", .serve = &ServeOpenDir, .args = kSize<abi::OpenIn>}},
    {Opcode::kReadDir,
     {.name = "READDIR",
      .serve = &ServeReadDir,
      .args = kSize<abi::ReadIn>,
      .old_args = abi::kReadInCompatBytes,
      .old_before = 9}},
    {Opcode::kReleaseDir,
     {.name = "RELEASEDIR",
      .serve = &ServeReleaseDir,
      .args = kSize<abi::ReleaseIn>,
      .old_args = abi::kReleaseInCompatBytes,
      .old_before = 8}},
    {Opcode::kFsyncDir, {.name = "FSYNCDIR", .serve = &ServeFsyncDir, .args = kSize<abi::FsyncIn>}},
    {Opcode::kGetLk,
     {.name = "GETLK",
      .serve = &ServeGetLock,
      .args = kSize<abi::LockIn>,
      .old_args = abi::kLockInCompatBytes,
      .old_before = 9}},
    {Opcode::kSetLk,
     {.name = "SETLK",
      .serve = &ServeSetLock,
      .args = kSize<abi::LockIn>,
      .old_args = abi::kLockInCompatBytes,
      .old_before = 9}},
    {Opcode::kSetLkw,
     {.name = "SETLKW",
      .serve = &ServeSetLock,
      .args = kSize<abi::LockIn>,
      .old_args = abi::kLockInCompatBytes,
      .old_before = 9}},
    {Opcode::kAccess, {.name = "ACCESS", .serve = &ServeAccess, .args = kSize<abi::AccessIn>}},
    {Opcode::kCreate,
     {.name = "CREATE",
      .serve = &ServeCreate,
      .args = kSize<abi::CreateIn>,
      .old_args = abi::kCreateInCompatBytes,
      .old_before = 12,
      .names = kEntryName}},
    {Opcode::kInterrupt,
     {.name = "INTERRUPT",
      .serve = &ServeInterrupt,
      .args = kSize<abi::InterruptIn>,
      .answered = false}},
    {Opcode::kBmap, {.name = "BMAP", .serve = &ServeBmap, .args = kSize<abi::BmapIn>}},
    {Opcode::kDestroy, {.name = "DESTROY", .serve = &ServeDestroy}},
    {Opcode::kIoctl,
     {.name = "IOCTL", .serve = &ServeIoctl, .args = kSize<abi::IoctlIn>, .tail = Tail::kBulk}},
    {Opcode::kPoll, {.name = "POLL", .serve = &ServePoll, .args = kSize<abi::PollIn>}},
    {Opcode::kNotifyReply,
     {.name = "NOTIFY_REPLY",
      .serve = &ServeNotifyReply,
      .args = kSize<abi::NotifyRetrieveIn>,
      .tail = Tail::kBulk,
      .answered = false}},
    {Opcode::kBatchForget,
     {.name = "BATCH_FORGET",
      .serve = &ServeBatchForget,
      .args = kSize<abi::BatchForgetIn>,
      .tail = Tail::kBulk,
      .answered = false}},
    {Opcode::kFallocate,
     {.name = "FALLOCATE", .serve = &ServeFallocate, .args = kSize<abi::FallocateIn>}},
    {Opcode::kReadDirPlus,
     {.name = "READDIRPLUS", .serve = &ServeReadDirPlus, .args = kSize<abi::ReadIn>}},
    {Opcode::kRename2,
     {.name = "RENAME2",
      .serve = &ServeRename2,
      .args = kSize<abi::Rename2In>,
      .names = kTwoEntries}},
    {Opcode::kLseek, {.name = "LSEEK", .serve = &ServeLseek, .args = kSize<abi::LseekIn>}},
    {Opcode::kCopyFileRange,
     {.name = "COPY_FILE_RANGE",
      .serve = &ServeCopyFileRange,
      .args = kSize<abi::CopyFileRangeIn>}},
    {Opcode::kSetupMapping,
     {.name = "SETUPMAPPING", .serve = &ServeSetupMapping, .args = kSize<abi::SetupMappingIn>}},
    {Opcode::kRemoveMapping,
     {.name = "REMOVEMAPPING",
      .serve = &ServeRemoveMapping,
      .args = kSize<abi::RemoveMappingIn>,
      .tail = Tail::kBulk}},
    {Opcode::kSyncFs, {.name = "SYNCFS", .serve = &ServeSyncFs, .args = kSize<abi::SyncFsIn>}},
    {Opcode::kTmpFile,
     {.name = "TMPFILE", .serve = &ServeTmpFile, .args = kSize<abi::CreateIn>, .names = kAnyName}},
    {Opcode::kStatx, {.name = "STATX", .serve = &ServeStatx, .args = kSize<abi::StatxIn>}},
    {Opcode::kCopyFileRange64,
     {.name = "COPY_FILE_RANGE_64",
      .serve = &ServeCopyFileRange,
      .args = kSize<abi::CopyFileRangeIn>}},
};

constexpr auto kTable = [] {
  std::array<Operation, abi::kMaxOpcode + 1> table{};
  for (const Listed& listed : kListed) {
    table[static_cast<std::size_t>(listed.opcode)] = listed.operation;
  }
  return table;
}();

}  // namespace

const Operation* FindOperation(std::uint32_t opcode) {
  if (opcode >= kTable.size() || kTable[opcode].serve == nullptr) {
    return nullptr;
  }
  return &kTable[opcode];
}

}  // namespace fusebay::fuse
