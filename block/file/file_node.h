// FileNode: an open regular file or block device as a block node. Internal to the driver and its
// tests, which give it an fd of their own.
//
// Operations run on any loop at once. Buffered I/O is tried inline first, where it costs one system
// call and no frame; what would wait, and all of O_DIRECT, goes through the loop's engine.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/fd.h"
#include "block/block_node.h"
#include "block/live_node.h"
#include "core/log.h"
#include "core/sync.h"
#include "file_lock.h"

namespace fusebay {

struct FileConfig {
  std::string node_name;
  std::string_view driver_name = "file";
  std::string filename;  // for messages
  std::string path;      // absolute
  bool read_only = false;
  std::optional<EngineKind> aio;
  bool direct = false;  // fd is O_DIRECT
  bool no_flush = false;
  bool discard_unmap = false;
  bool locking = false;
  bool is_device = false;
  bool try_inline = true;              // false: all I/O through the engine, e.g. a simulated one
  std::uint64_t size = 0;              // now
  std::uint32_t block_size = 1;        // with O_DIRECT: of offset and length; of a device: always
  std::uint32_t memory_alignment = 1;  // with O_DIRECT
  std::uint32_t preferred_size = 4096;
};

class FileNode final : public BlockNode, public LiveNode {
 public:
  // tail_fd: the same file without O_DIRECT, for the last block of a file whose size is no multiple
  // of block_size. REQUIRES: given if config.direct and the node is writable.
  FileNode(FileConfig config, UniqueFd fd, UniqueFd tail_fd);
  ~FileNode() override = default;

  // file_reopen.cc
  BlockRef* child(ChildRole) override { return nullptr; }
  std::string_view FixedOption(const BlockdevOptions& now,
                               const BlockdevOptions& wanted) const override;
  Task<Result<Unit, Error>> Reopen(const BlockdevOptions& now,
                                   const BlockdevOptions& wanted) override;

  // Inline writes are given up for a while when they take long.
  class WritePace {
   public:
    bool IsQuick(Clock::time_point now) const;
    void Note(Clock::time_point begin, Clock::time_point end, std::size_t bytes);

   private:
    std::atomic<std::int64_t> average_ns_{0};  // of what is beyond the cost of copying
    std::atomic<std::int64_t> pause_ns_{0};    // the last one; fades while writes are quick
    std::atomic<std::int64_t> paused_until_ns_{0};
  };

 private:
  // How often in a row an operation may say EINTR or EAGAIN without any progress.
  static constexpr unsigned kMaxRetries = 100;

  // The last run that was found, while nothing has been written since.
  struct KnownRun {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    bool data = false;
    std::uint64_t generation = 0;
  };

  Task<Result<>> DoRead(std::uint64_t offset, IoVec dst) override;
  Task<Result<>> DoWrite(std::uint64_t offset, IoVec src, WriteFlags flags) override;
  Task<Result<>> DoWriteZeroes(std::uint64_t offset, std::uint64_t length,
                               ZeroFlags flags) override;
  Task<Result<>> DoSpace(std::uint64_t offset, std::uint64_t length, bool allocate) override;
  Task<Result<>> DoFlush(FlushMode mode) override;
  Task<Result<BlockStatus>> DoStatus(std::uint64_t offset, std::uint64_t length) override;
  Task<Result<>> DoTruncate(std::uint64_t size, Prealloc prealloc) override;
  Task<Result<std::uint64_t>> DoAllocatedSize() override;
  Task<Result<ImageInfo, Error>> DoInfo() override;
  Task<Result<>> DoClose() override;
  Result<Unit, Error> DoSetPermissions(const PermissionSet& permissions) override;

  // file_io.cc
  std::optional<EngineKind> EngineHere();
  std::size_t ReadNow(std::uint64_t offset, const IoVec& dst);
  std::size_t WriteNow(std::uint64_t offset, const IoVec& src);
  Task<Result<>> ReadRest(std::uint64_t offset, IoVec dst);
  Task<Result<>> WriteRest(std::uint64_t offset, IoVec src, WriteFlags flags);
  Task<Result<>> WriteAll(int fd, std::uint64_t offset, IoVec src, std::uint32_t rwf,
                          std::optional<EngineKind> engine);
  // Every change of the file, after it was made and before it is acknowledged.
  void Changed() { generation_.fetch_add(1, std::memory_order_acq_rel); }
  // file_space.cc
  // ENOTSUP: not, or no longer, supported here.
  Task<Result<>> FallocateIf(std::atomic<bool>& supported, int mode, std::uint64_t offset,
                             std::uint64_t length);
  Task<Result<>> ZeroRange(std::uint64_t offset, std::uint64_t length, bool unmap);
  Task<Result<>> PunchHole(std::uint64_t offset, std::uint64_t length);
  Task<Result<>> DiscardDevice(std::uint64_t offset, std::uint64_t length);
  // file_status.cc
  BlockStatus StatusAt(std::uint64_t offset, std::uint64_t length, bool data);
  std::optional<BlockStatus> KnownStatus(std::uint64_t offset, std::uint64_t length);
  Task<Result<BlockStatus>> FindStatus(std::uint64_t offset, std::uint64_t length);
  Result<> FindRun(std::uint64_t offset, KnownRun& run) const;
  // file_node.cc
  Result<> Resize(std::uint64_t size, Prealloc prealloc) const;
  Result<> ResizeDevice(std::uint64_t size) const;

  void ApplyAlignment();
  Task<Result<Unit, Error>> TakeFile(const FileConfig& config, bool auto_read_only);

  FileConfig config_;  // changes in a drained graph only
  UniqueFd fd_;
  UniqueFd tail_fd_;
  std::unique_ptr<ImageLock> lock_;
  CoMutex truncating_;
  WritePace pace_;
  std::atomic<bool> can_try_read_{true};  // the file system knows RWF_NOWAIT
  std::atomic<bool> can_punch_{true};
  std::atomic<bool> can_zero_{true};
  std::atomic<bool> can_allocate_{true};
  std::atomic<bool> flush_failed_{false};
  std::atomic<std::uint64_t> generation_{1};
  std::mutex known_mutex_;
  KnownRun known_;
  RateLimit warned_;
};

}  // namespace fusebay
