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
#include "fuse/node_ops.h"
#include "fuse/types.h"

namespace fusebay::fuse {

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
    bool kill_suidgid = false;     // CREATE: of a file that exists, as of OpenArgs
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
  // Another name, in the directory that comes second, for the node that comes first.
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
  // The client is done; Init may follow again. A hostile client may say so while operations still
  // run, so this ends nothing that they use.
  virtual void Destroy() {}
};

}  // namespace fusebay::fuse
