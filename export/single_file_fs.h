// SingleFileFs: a block node as a FUSE filesystem whose root is one regular file.
//
// Attributes live in memory: mode, owner and times are what the export shows, never the image's
// own. Runs on every data loop at once; what changes rarely is behind a mutex that is never held
// across a suspend. Rules and errno values: docs/protocols/fuse-export.md.
#pragma once
#include <atomic>
#include <mutex>
#include <string>

#include "block/block_graph.h"
#include "export/fuse_export.h"
#include "fuse/filesystem.h"
#include "fuse/server.h"
#include "fuse/transport.h"

namespace fusebay {

struct SingleFileOptions {
  bool writable = false;
  bool growable = false;
  bool writethrough = false;
  bool allow_other = false;
  ExportCache cache = ExportCache::kAuto;
  // No other process can write the image: cached pages stay good from open to open.
  bool exclusive = false;
  // The image file on its host (O_PATH is enough; -1: none), for times at the start, free space and
  // foreign changes. By descriptor, since the export may be mounted over the image's own path.
  int host_fd = -1;
  // With cache=writeback: where the kernel shows the file, to learn the size that it owns. Outlives
  // the file system.
  const char* mountpoint = "";
};

class SingleFileFs final : public fuse::FuseFilesystem, public BlockObserver {
 public:
  // The ref outlives this. Reads the image's times; the caller is on the control loop.
  SingleFileFs(BlockGraph& graph, const BlockRef& ref, const SingleFileOptions& options);

  // What the server must ask of the kernel for this file.
  fuse::ServerOptions server_options() const;
  // From now on changes by other users of the node are told to the client. Null: no more.
  void SetNotifier(fuse::FuseNotifier* notifier) { notifier_.store(notifier); }
  std::uint32_t open_files() const { return open_files_.load(); }

  Task<Result<fuse::Entry>> Lookup(const fuse::Caller&, fuse::NodeId, std::string_view) override;
  Task<Result<fuse::Attr>> GetAttr(const fuse::Caller&, fuse::NodeId,
                                   std::optional<fuse::Handle>) override;
  Task<Result<fuse::Attr>> SetAttr(const fuse::Caller&, fuse::NodeId, std::optional<fuse::Handle>,
                                   const fuse::SetAttrArgs& args) override;
  Task<Result<fuse::FsStat>> StatFs(const fuse::Caller&, fuse::NodeId) override;
  Task<Result<fuse::Opened>> Open(const fuse::Caller&, fuse::NodeId,
                                  const fuse::OpenArgs& args) override;
  Task<Result<>> Release(const fuse::Caller&, fuse::NodeId, fuse::Handle,
                         std::optional<std::uint64_t>) override;
  Task<Result<std::uint32_t>> Read(const fuse::Caller&, fuse::NodeId, fuse::Handle,
                                   const fuse::ReadArgs& args, IoVec dst) override;
  Task<Result<std::uint32_t>> Write(const fuse::Caller&, fuse::NodeId, fuse::Handle,
                                    const fuse::WriteArgs& args, IoVec src) override;
  Task<Result<>> Flush(const fuse::Caller&, fuse::NodeId, fuse::Handle, std::uint64_t) override;
  Task<Result<>> Fsync(const fuse::Caller&, fuse::NodeId, fuse::Handle, bool) override;
  Task<Result<>> Fallocate(const fuse::Caller&, fuse::NodeId, fuse::Handle, std::uint32_t mode,
                           std::uint64_t offset, std::uint64_t length) override;
  Task<Result<std::uint64_t>> Lseek(const fuse::Caller&, fuse::NodeId, fuse::Handle,
                                    std::uint64_t offset, std::uint32_t whence) override;
  Task<Result<std::uint64_t>> CopyFileRange(const fuse::Caller&, const CopyArgs& args) override;

  void OnWritten(std::uint64_t offset, std::uint64_t length) override;
  void OnResized(std::uint64_t size) override;

 private:
  struct Times {
    timespec atime{};
    timespec mtime{};
    timespec ctime{};
  };

  // What SETATTR may not do, found before anything is done.
  Result<> CheckSetAttr(const fuse::SetAttrArgs& args) const;
  void ApplyAttributes(const fuse::SetAttrArgs& args);
  Task<fuse::Attr> MakeAttr();
  Task<Result<>> Resize(std::uint64_t size);
  // Makes the file at least `size` bytes long. REQUIRES: the caller is inside the gate.
  Task<Result<>> Grow(std::uint64_t size);
  // The same up to `end`, with space allocated from `offset` on. The caller holds ref_.resizing().
  Task<Result<>> GrowAllocated(std::uint64_t offset, std::uint64_t end);
  Task<Result<>> PunchHole(std::uint64_t offset, std::uint64_t length);
  Task<Result<>> ZeroRange(std::uint64_t offset, std::uint64_t length, bool keep_size);
  Task<Result<>> Preallocate(std::uint64_t offset, std::uint64_t length, bool keep_size);
  Task<std::uint64_t> ClientSize() const;
  // Has the kernel send what clients have written or mapped and it has not sent yet, from `offset`
  // on. REQUIRES: the caller is outside of the gate, for that comes as writes.
  Task<Result<>> CollectWrites(std::uint64_t offset);
  Task<Result<>> CheckForeignChange();
  // The writes of the file in this process move its times.
  void TouchModified();
  // Clears the bits of the mode that would let others run what has just been written as the owner.
  void DropPrivileges();

  BlockGraph& graph_;
  const BlockRef& ref_;
  const SingleFileOptions options_;
  std::atomic<fuse::FuseNotifier*> notifier_{nullptr};
  std::atomic<std::uint32_t> open_files_{0};
  std::atomic<std::uint32_t> open_for_writing_{0};  // of them

  mutable std::mutex attr_mutex_;  // guards what follows
  Times times_;
  timespec btime_{};
  std::uint32_t mode_;
  std::uint32_t uid_;
  std::uint32_t gid_;
  timespec image_mtime_{};      // when last looked at, to see that others write the image
  bool image_changed_ = false;  // since the last open
};

}  // namespace fusebay
