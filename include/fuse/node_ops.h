// NodeOps and FileOps: what a FuseFilesystem (fuse/filesystem.h, which see) does with nodes and
// with open files.
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
  virtual Task<Result<Opened>> Open(const Caller&, NodeId, const OpenArgs&) {
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

}  // namespace fusebay::fuse
