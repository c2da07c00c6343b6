// FuseFilesystem: what a FuseServer serves. Five small interfaces; every operation defaults to
// ENOSYS and costs nothing until overridden.
//
// A filesystem knows no transport. Operations run on any of the data loops, several at once, and
// may suspend; what they are given lives until they return. The server has checked sizes, NUL bytes
// and alignment; it has not checked permissions (the kernel does, with default_permissions).
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/iovec.h"
#include "base/result.h"
#include "core/task.h"
#include "fuse/types.h"

namespace fusebay::fuse {

inline Errno NotSupported() { return Errno{ENOSYS}; }

class NodeOps {
 public:
  virtual ~NodeOps() = default;
  virtual Task<Result<Entry>> Lookup(const Caller&, NodeId, std::string_view) {
    return Result<Entry>{NotSupported()};
  }
  // The client drops `count` of its look-ups of node. Never fails, never suspends.
  virtual void Forget(NodeId, std::uint64_t) {}
  virtual Task<Result<Attr>> GetAttr(const Caller&, NodeId, std::optional<Handle>) {
    return Result<Attr>{NotSupported()};
  }
  // Changes nothing at all if any part is refused.
  virtual Task<Result<Attr>> SetAttr(const Caller&, NodeId, std::optional<Handle>,
                                     const SetAttrArgs&) {
    return Result<Attr>{NotSupported()};
  }
  virtual Task<Result<>> Access(const Caller&, NodeId, std::uint32_t) {
    return Result<>{NotSupported()};
  }
  virtual Task<Result<FsStat>> StatFs(const Caller&, NodeId) {
    return Result<FsStat>{NotSupported()};
  }
  virtual Task<Result<std::uint32_t>> ReadLink(const Caller&, NodeId, IoVec) {
    return Result<std::uint32_t>{NotSupported()};
  }
  virtual Task<Result<>> SyncFs(const Caller&, NodeId) { return Result<>{NotSupported()}; }
  // Block of a file on its device, for swap files; a block is `blocksize` bytes.
  virtual Task<Result<std::uint64_t>> Bmap(const Caller&, NodeId, std::uint64_t, std::uint32_t) {
    return Result<std::uint64_t>{NotSupported()};
  }
};

class FileOps {
 public:
  virtual ~FileOps() = default;
  virtual Task<Result<Opened>> Open(const Caller&, NodeId, std::uint32_t) {
    return Result<Opened>{NotSupported()};
  }
  // The last close. lock_owner is set when the flock of that owner must go.
  virtual Task<Result<>> Release(const Caller&, NodeId, Handle, std::optional<std::uint64_t>) {
    return Result<>{NotSupported()};
  }
  // Puts at most dst.size bytes straight into the reply; returns how many, short only at EOF.
  virtual Task<Result<std::uint32_t>> Read(const Caller&, NodeId, Handle, const ReadArgs&, IoVec) {
    return Result<std::uint32_t>{NotSupported()};
  }
  virtual Task<Result<std::uint32_t>> Write(const Caller&, NodeId, Handle, const WriteArgs&,
                                            IoVec) {
    return Result<std::uint32_t>{NotSupported()};
  }
  // Every close(2) of a descriptor; lock_owner is whose POSIX locks end.
  virtual Task<Result<>> Flush(const Caller&, NodeId, Handle, std::uint64_t) {
    return Result<>{NotSupported()};
  }
  virtual Task<Result<>> Fsync(const Caller&, NodeId, Handle, bool) {
    return Result<>{NotSupported()};
  }
  // mode, offset, length as fallocate(2).
  virtual Task<Result<>> Fallocate(const Caller&, NodeId, Handle, std::uint32_t, std::uint64_t,
                                   std::uint64_t) {
    return Result<>{NotSupported()};
  }
  virtual Task<Result<std::uint64_t>> Lseek(const Caller&, NodeId, Handle, std::uint64_t,
                                            std::uint32_t) {
    return Result<std::uint64_t>{NotSupported()};
  }
  struct CopyArgs {
    NodeId node_in{};
    Handle handle_in{};
    std::uint64_t offset_in = 0;
    NodeId node_out{};
    Handle handle_out{};
    std::uint64_t offset_out = 0;
    std::uint64_t length = 0;
    std::uint64_t flags = 0;
  };
  virtual Task<Result<std::uint64_t>> CopyFileRange(const Caller&, const CopyArgs&) {
    return Result<std::uint64_t>{NotSupported()};
  }
  struct IoctlArgs {
    std::uint32_t flags = 0;
    std::uint32_t command = 0;
    std::uint64_t arg = 0;
  };
  virtual Task<Result<IoctlResult>> Ioctl(const Caller&, NodeId, Handle, const IoctlArgs&, IoVec,
                                          IoVec) {
    return Result<IoctlResult>{NotSupported()};
  }
  // Which of `events` (POLL*) are ready; a kernel handle, if given, asks for a notification.
  virtual Task<Result<std::uint32_t>> Poll(const Caller&, NodeId, Handle, std::uint32_t,
                                           std::optional<std::uint64_t>) {
    return Result<std::uint32_t>{NotSupported()};
  }
};

// Takes the entries of one READDIR reply.
class DirSink {
 public:
  virtual ~DirSink() = default;
  // Returns false, and adds nothing, when the entry does not fit.
  virtual bool Add(const DirEntry& entry) = 0;
  // For READDIRPLUS; an entry whose node is kNone carries no look-up.
  virtual bool AddPlus(const DirEntry& entry, const Entry& looked_up) = 0;
};

class DirOps {
 public:
  struct MakeArgs {
    std::uint32_t mode = 0;  // type and permission bits
    std::uint32_t umask = 0;
    std::uint32_t rdev = 0;        // for device nodes
    std::string_view link_target;  // for symbolic links
  };
  struct Created {
    Entry entry;
    Opened opened;
  };
  virtual ~DirOps() = default;
  // MKNOD, MKDIR and SYMLINK: mode says which.
  virtual Task<Result<Entry>> Make(const Caller&, NodeId, std::string_view, const MakeArgs&) {
    return Result<Entry>{NotSupported()};
  }
  virtual Task<Result<Created>> Create(const Caller&, NodeId, std::string_view, const MakeArgs&,
                                       std::uint32_t) {
    return Result<Created>{NotSupported()};
  }
  virtual Task<Result<Created>> TmpFile(const Caller&, NodeId, const MakeArgs&, std::uint32_t) {
    return Result<Created>{NotSupported()};
  }
  virtual Task<Result<Entry>> Link(const Caller&, NodeId, NodeId, std::string_view) {
    return Result<Entry>{NotSupported()};
  }
  virtual Task<Result<>> Remove(const Caller&, NodeId, std::string_view, bool) {
    return Result<>{NotSupported()};
  }
  virtual Task<Result<>> Rename(const Caller&, NodeId, std::string_view, NodeId, std::string_view,
                                std::uint32_t) {
    return Result<>{NotSupported()};
  }
  virtual Task<Result<Opened>> OpenDir(const Caller&, NodeId, std::uint32_t) {
    return Result<Opened>{NotSupported()};
  }
  virtual Task<Result<>> ReadDir(const Caller&, NodeId, Handle, std::uint64_t, bool, DirSink&) {
    return Result<>{NotSupported()};
  }
  virtual Task<Result<>> ReleaseDir(const Caller&, NodeId, Handle) {
    return Result<>{NotSupported()};
  }
  virtual Task<Result<>> FsyncDir(const Caller&, NodeId, Handle, bool) {
    return Result<>{NotSupported()};
  }
};

class XattrLockOps {
 public:
  struct LockArgs {
    std::uint64_t owner = 0;
    FileLock lock;
    bool flock = false;  // flock(2), whole file
    bool wait = false;   // may wait without limit: the server has parked the request
  };
  virtual ~XattrLockOps() = default;
  virtual Task<Result<>> SetXattr(const Caller&, NodeId, std::string_view, IoVec, std::uint32_t,
                                  std::uint32_t) {
    return Result<>{NotSupported()};
  }
  // The value, or with dst.size 0 only its size. ERANGE when it does not fit.
  virtual Task<Result<std::uint32_t>> GetXattr(const Caller&, NodeId, std::string_view, IoVec) {
    return Result<std::uint32_t>{NotSupported()};
  }
  virtual Task<Result<std::uint32_t>> ListXattr(const Caller&, NodeId, IoVec) {
    return Result<std::uint32_t>{NotSupported()};
  }
  virtual Task<Result<>> RemoveXattr(const Caller&, NodeId, std::string_view) {
    return Result<>{NotSupported()};
  }
  virtual Task<Result<FileLock>> GetLock(const Caller&, NodeId, Handle, const LockArgs&) {
    return Result<FileLock>{NotSupported()};
  }
  virtual Task<Result<>> SetLock(const Caller&, NodeId, Handle, const LockArgs&) {
    return Result<>{NotSupported()};
  }
};

class MappingOps {
 public:
  struct SetupArgs {
    Handle handle{};
    std::uint64_t file_offset = 0;
    std::uint64_t length = 0;
    std::uint64_t flags = 0;  // FUSE_SETUPMAPPING_FLAG_*
    std::uint64_t window_offset = 0;
  };
  virtual ~MappingOps() = default;
  virtual Task<Result<>> SetupMapping(const Caller&, NodeId, const SetupArgs&) {
    return Result<>{NotSupported()};
  }
  virtual Task<Result<>> RemoveMapping(const Caller&, NodeId, std::uint64_t, std::uint64_t) {
    return Result<>{NotSupported()};
  }
};

class FuseFilesystem : public NodeOps,
                       public FileOps,
                       public DirOps,
                       public XattrLockOps,
                       public MappingOps {
 public:
  // Once per session, on a data loop, before the first other operation.
  virtual void Init(const Negotiated&) {}
  virtual void Destroy() {}
};

}  // namespace fusebay::fuse
