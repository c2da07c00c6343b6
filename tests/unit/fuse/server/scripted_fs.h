// A filesystem that writes down what it is asked and answers as it is told.
#pragma once
#include <string>
#include <vector>

#include "core/sync.h"
#include "fuse/filesystem.h"

namespace fusebay::fuse::test {

class ScriptedFs final : public FuseFilesystem {
 public:
  std::string log;  // the calls since the last Take, one a line
  std::string TakeLog();

  int error = 0;          // every operation fails with it
  bool waiting = false;   // READ waits for LetGo, too
  std::size_t reads = 0;  // counted instead of written down when `quiet`
  bool quiet = false;
  Entry entry;
  Attr attr;
  Opened opened;
  FsStat stat;
  FileLock lock;
  std::string data = "0123456789";   // what READ, READLINK and xattrs give
  std::uint64_t number = 0;          // what LSEEK, BMAP, POLL, COPY_FILE_RANGE and IOCTL give
  std::vector<std::string> entries;  // of every directory
  std::vector<IoctlRange> retry_in;  // what an IOCTL that brings nothing asks for
  std::vector<IoctlRange> retry_out;
  std::size_t looked_up = 0;  // entries that READDIRPLUS has counted

  std::size_t waiters() const { return waiters_.size(); }
  void LetGo();  // everything that waits, once its loop runs

  Task<Result<Entry>> Lookup(const Caller&, NodeId, std::string_view) override;
  void Forget(NodeId, std::uint64_t) override;
  Task<Result<Attr>> GetAttr(const Caller&, NodeId, std::optional<Handle>) override;
  Task<Result<Attr>> SetAttr(const Caller&, NodeId, std::optional<Handle>,
                             const SetAttrArgs&) override;
  Task<Result<>> Access(const Caller&, NodeId, std::uint32_t) override;
  Task<Result<FsStat>> StatFs(const Caller&, NodeId) override;
  Task<Result<std::uint32_t>> ReadLink(const Caller&, NodeId, IoVec) override;
  Task<Result<>> SyncFs(const Caller&, NodeId) override;
  Task<Result<std::uint64_t>> Bmap(const Caller&, NodeId, std::uint64_t, std::uint32_t) override;

  Task<Result<Opened>> Open(const Caller&, NodeId, const OpenArgs&) override;
  Task<Result<>> Release(const Caller&, NodeId, Handle, std::optional<std::uint64_t>) override;
  Task<Result<std::uint32_t>> Read(const Caller&, NodeId, Handle, const ReadArgs&, IoVec) override;
  Task<Result<std::uint32_t>> Write(const Caller&, NodeId, Handle, const WriteArgs&,
                                    IoVec) override;
  Task<Result<>> Flush(const Caller&, NodeId, Handle, std::uint64_t) override;
  Task<Result<>> Fsync(const Caller&, NodeId, Handle, bool) override;
  Task<Result<>> Fallocate(const Caller&, NodeId, Handle, std::uint32_t, std::uint64_t,
                           std::uint64_t) override;
  Task<Result<std::uint64_t>> Lseek(const Caller&, NodeId, Handle, std::uint64_t,
                                    std::uint32_t) override;
  Task<Result<std::uint64_t>> CopyFileRange(const Caller&, const CopyArgs&) override;
  Task<Result<IoctlResult>> Ioctl(const Caller&, NodeId, Handle, const IoctlArgs&, IoVec,
                                  IoVec) override;
  Task<Result<std::uint32_t>> Poll(const Caller&, NodeId, Handle, std::uint32_t,
                                   std::optional<std::uint64_t>) override;

  Task<Result<Entry>> Make(const Caller&, NodeId, std::string_view, const MakeArgs&) override;
  Task<Result<Created>> Create(const Caller&, NodeId, std::string_view, const MakeArgs&,
                               std::uint32_t) override;
  Task<Result<Created>> TmpFile(const Caller&, NodeId, const MakeArgs&, std::uint32_t) override;
  Task<Result<Entry>> Link(const Caller&, NodeId, NodeId, std::string_view) override;
  Task<Result<>> Remove(const Caller&, NodeId, std::string_view, bool) override;
  Task<Result<>> Rename(const Caller&, NodeId, std::string_view, NodeId, std::string_view,
                        std::uint32_t) override;
  Task<Result<Opened>> OpenDir(const Caller&, NodeId, std::uint32_t) override;
  Task<Result<>> ReadDir(const Caller&, NodeId, Handle, std::uint64_t, bool, DirSink&) override;
  Task<Result<>> ReleaseDir(const Caller&, NodeId, Handle) override;
  Task<Result<>> FsyncDir(const Caller&, NodeId, Handle, bool) override;

  Task<Result<>> SetXattr(const Caller&, NodeId, std::string_view, IoVec, std::uint32_t,
                          std::uint32_t) override;
  Task<Result<std::uint32_t>> GetXattr(const Caller&, NodeId, std::string_view, IoVec) override;
  Task<Result<std::uint32_t>> ListXattr(const Caller&, NodeId, IoVec) override;
  Task<Result<>> RemoveXattr(const Caller&, NodeId, std::string_view) override;
  Task<Result<FileLock>> GetLock(const Caller&, NodeId, Handle, const LockArgs&) override;
  Task<Result<>> SetLock(const Caller&, NodeId, Handle, const LockArgs&) override;

  Task<Result<>> SetupMapping(const Caller&, NodeId, const SetupArgs&) override;
  Task<Result<>> RemoveMapping(const Caller&, NodeId, std::uint64_t, std::uint64_t) override;

  void Init(const Negotiated&) override;
  void Destroy() override;

 private:
  template <class T>
  Task<Result<T>> Answer(const T& value) const;
  Task<Result<std::uint32_t>> GiveData(IoVec dst) const;
  Task<Result<>> Wait(const Caller& caller);
  Task<Result<std::uint32_t>> WaitAndRead(const Caller& caller, IoVec dst);

  struct Waiter {
    CoEvent* event;
    AioContext* loop;
  };
  std::vector<Waiter> waiters_;
};

}  // namespace fusebay::fuse::test
