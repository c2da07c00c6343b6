// BlockNode: one node of the block graph, and the narrow waist every request passes through.
//
// The public operations are plain functions: they assert the contract and call the driver's Do*
// function, so they cost no coroutine frame. Callers go through a BlockRef (block/block_ref.h),
// which checks permissions, splits and aligns. Operations may run on any loop, several at once.
// Offsets, lengths and sizes are bytes.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/iovec.h"
#include "base/result.h"
#include "block/image_info.h"
#include "block/options.h"
#include "block/permissions.h"
#include "core/task.h"

namespace fusebay {

struct BlockLimits {
  std::uint32_t request_alignment = 1;     // of offset and length; at most 2 MiB
  std::uint32_t memory_alignment = 1;      // of every piece of an IoVec
  std::uint32_t max_transfer = 64u << 20;  // bytes of one request
  std::uint32_t preferred_size = 4096;     // the best size of an I/O, at least 4096
  std::uint32_t cluster_size = 0;          // copy-on-write unit; 0: none
};

struct WriteFlags {
  bool fua = false;  // on the disk before the operation returns
  // Clusters that the request covers are stored compressed where that makes them smaller, or as
  // zeroes; what covers a part of one is stored as it is. The rest of the disk's last cluster
  // counts as covered: nobody may grow the disk and write there meanwhile. REQUIRES:
  // can_compress().
  bool compressed = false;
};

struct ZeroFlags {
  bool may_unmap = false;    // the space may be given back
  bool no_fallback = false;  // fail with ENOTSUP rather than write zeroes
  bool fua = false;
};

// How far Flush goes: metadata that the node caches is written to the image file, or everything is
// forced to the disk.
enum class FlushMode : std::uint8_t { kWriteOut, kDisk };

enum class Prealloc : std::uint8_t { kOff, kMetadata, kFalloc, kFull };

class BlockNode;
class GraphWatch;
class LiveNode;

// A run of bytes with the same state, beginning at the offset asked about.
struct BlockStatus {
  std::uint64_t length = 0;
  bool data = false;        // some node of the chain has bytes for it
  bool zero = false;        // it reads as zeroes
  bool allocated = false;   // a node of the chain decides what it reads as: the one at `depth`
  std::uint32_t depth = 0;  // 0: the node asked, 1: its backing node, ...; how far one had to look
  // Where it is, one byte after the other: in the file that this node stands for, from file_offset.
  // Null: nowhere, or not as it is read (compressed).
  BlockNode* file = nullptr;
  std::uint64_t file_offset = 0;
};

class BlockNode {
 public:
  static constexpr std::uint64_t kMaxSize = (std::uint64_t{1} << 63) - 512;

  BlockNode(const BlockNode&) = delete;
  BlockNode& operator=(const BlockNode&) = delete;
  virtual ~BlockNode() = default;  // REQUIRES: Close has returned.

  std::uint64_t size() const { return size_.load(std::memory_order_acquire); }
  const BlockLimits& limits() const { return limits_; }
  const std::string& node_name() const { return node_name_; }
  std::string_view driver_name() const { return driver_name_; }
  bool read_only() const { return read_only_; }
  // Whether other processes cannot write the image while a user here does: by image locks, or
  // because there is no way in for them.
  bool locked() const { return locked_; }
  bool can_compress() const { return can_compress_; }
  // What can be changed while it is open (block/live_node.h); null: nothing.
  LiveNode* live() const { return live_; }

  // The first write that ends above it is told of (block/graph_watch.h), and sets it to 0, none.
  std::uint64_t write_threshold() const;
  void set_write_threshold(std::uint64_t bytes);

  // All of [offset, offset + dst.size), which REQUIRES: lies inside AlignUp(size(), alignment), is
  // aligned and at most max_transfer. What lies past size() reads as zeroes.
  Task<Result<>> Read(std::uint64_t offset, IoVec dst);
  // Of zeroes only: as BlockdevOptions::detect_zeroes says.
  Task<Result<>> Write(std::uint64_t offset, IoVec src, WriteFlags flags);
  // ENOTSUP: the driver cannot; the BlockRef then writes zeroes.
  Task<Result<>> WriteZeroes(std::uint64_t offset, std::uint64_t length, ZeroFlags flags);
  // A hint; ENOTSUP where the node cannot. What is read there afterwards is zeroes or the old data.
  Task<Result<>> Discard(std::uint64_t offset, std::uint64_t length);
  // Allocates space for the range without changing what it reads as.
  Task<Result<>> Allocate(std::uint64_t offset, std::uint64_t length);
  Task<Result<>> Flush(FlushMode mode);
  // REQUIRES: offset < size(). The length returned is at least 1 and at most `length`.
  Task<Result<BlockStatus>> Status(std::uint64_t offset, std::uint64_t length);
  // A new part reads as zeroes. Any size up to kMaxSize; a format that cannot have it exactly
  // rounds up in the image and keeps the exact size until it is closed. ENOTSUP, also for the size
  // it has: the node does not know this preallocation.
  Task<Result<>> Truncate(std::uint64_t size, Prealloc prealloc);
  // Bytes the image takes on its host; ENOTSUP where that is unknown.
  Task<Result<std::uint64_t>> AllocatedSize();
  Task<Result<ImageInfo, Error>> Info();
  // Flushes and lets go of files and locks. REQUIRES: no operation in progress, none to come.
  Task<Result<>> Close();

 protected:
  BlockNode(std::string node_name, std::string_view driver_name, bool read_only)
      : node_name_(std::move(node_name)), driver_name_(driver_name), read_only_(read_only) {}

  void set_size(std::uint64_t size) { size_.store(size, std::memory_order_release); }
  void set_read_only(bool read_only) { read_only_ = read_only; }  // REQUIRES: a drained graph
  // By default what is known of every node; the file name is then the node's name.
  virtual Task<Result<ImageInfo, Error>> DoInfo();
  BlockLimits limits_;
  bool locked_ = true;
  bool can_compress_ = false;  // takes WriteFlags::compressed
  LiveNode* live_ = nullptr;

 private:
  friend class BlockGraph;
  friend class BlockRef;

  virtual Task<Result<>> DoRead(std::uint64_t offset, IoVec dst) = 0;
  virtual Task<Result<>> DoWrite(std::uint64_t, IoVec, WriteFlags) {
    return Result<>{Errno{EROFS}};
  }
  virtual Task<Result<>> DoWriteZeroes(std::uint64_t, std::uint64_t, ZeroFlags) {
    return Result<>{Errno{ENOTSUP}};
  }
  // allocate: Allocate, else Discard.
  virtual Task<Result<>> DoSpace(std::uint64_t, std::uint64_t, bool /*allocate*/) {
    return Result<>{Errno{ENOTSUP}};
  }
  virtual Task<Result<>> DoFlush(FlushMode) { return Ok(); }
  virtual Task<Result<BlockStatus>> DoStatus(std::uint64_t, std::uint64_t length) {
    return Result<BlockStatus>{BlockStatus{length, true, false, true}};
  }
  virtual Task<Result<>> DoTruncate(std::uint64_t, Prealloc) { return Result<>{Errno{ENOTSUP}}; }
  virtual Task<Result<std::uint64_t>> DoAllocatedSize() {
    return Result<std::uint64_t>{Errno{ENOTSUP}};
  }
  virtual Task<Result<>> DoClose() { return Ok(); }
  // What all users of this node together need of it: takes or drops image locks, or asks the same
  // of the children. All or nothing. Does not suspend: called from the control loop only.
  virtual Result<Unit, Error> DoSetPermissions(const PermissionSet&) { return Unit{}; }

  static constexpr std::uint64_t kNoThreshold = ~std::uint64_t{0};

  void LookAtThreshold(std::uint64_t end) {
    if (end > write_threshold_.load(std::memory_order_relaxed)) [[unlikely]] {
      TellOfWrite(end);
    }
  }
  void TellOfWrite(std::uint64_t end);
  Task<Result<>> WriteAsZeroes(std::uint64_t offset, IoVec src, WriteFlags flags);

  const std::string node_name_;
  const std::string_view driver_name_;
  bool read_only_;                                   // changes in a drained graph only
  DetectZeroes detect_zeroes_ = DetectZeroes::kOff;  // changes in a drained graph only
  GraphWatch* watch_ = nullptr;                      // of the graph that it is in
  std::atomic<std::uint64_t> size_{0};
  std::atomic<std::uint64_t> write_threshold_{kNoThreshold};
};

}  // namespace fusebay
