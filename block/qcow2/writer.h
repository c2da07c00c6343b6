// Writer: changes the virtual disk of an image: allocation, copy on write, zeroes, discard, resize.
//
// A write into clusters that only the image itself refers to is one look-up and the file's own
// write. Any other takes new clusters: its guest clusters are locked, the data is written, and only
// then the map says so; the WriteBack puts that on the disk later. Requests run on any loop and
// side by side; what they exclude each other from is a range of guest clusters, never the whole
// image.
#pragma once
#include <atomic>
#include <memory>
#include <optional>

#include "block/block_node.h"
#include "core/sync.h"
#include "qcow2/allocator.h"
#include "qcow2/grace.h"
#include "qcow2/qcow2_image.h"
#include "qcow2/qcow2_map.h"
#include "qcow2/write_back.h"
#include "range_lock.h"

namespace fusebay::qcow2 {

// What the virtual disk has, wherever that is: for copy on write.
class GuestReader {
 public:
  virtual ~GuestReader() = default;
  virtual Task<Result<>> ReadGuest(std::uint64_t offset, IoVec dst) = 0;
};

class Writer {
 public:
  // The largest piece that is copied at a time.
  static constexpr std::uint64_t kMaxCopy = 1 * kMiB;
  // Changed slices that wait to be written, at most.
  static constexpr std::size_t kMaxChangedSlices = 1024;

  // Reads the refcount table. All outlive this; `image` must be one that may be written
  // (CheckWritable). "FILE: the refcount table ..."
  static Task<Result<std::unique_ptr<Writer>, Error>> Create(Image& image, ClusterMap& map,
                                                             GuestReader& reader);
  Writer(Image& image, ClusterMap& map, GuestReader& reader, std::vector<std::uint64_t> table);
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Whoever reads data that a look-up has found holds this until it has been read.
  Grace::Pass EnterGrace() { return grace_.Enter(); }

  // As of BlockNode. `size` is the node's, in bytes; it may be less than the map has.
  Task<Result<>> Write(std::uint64_t offset, IoVec src, WriteFlags flags);
  Task<Result<>> WriteZeroes(std::uint64_t offset, std::uint64_t length, ZeroFlags flags,
                             std::uint64_t size);
  Task<Result<>> Discard(std::uint64_t offset, std::uint64_t length, std::uint64_t size);
  Task<Result<>> Allocate(std::uint64_t offset, std::uint64_t length);
  Task<Result<>> Flush(FlushMode mode);
  // From `old_size`. EFBIG: no L1 table maps as much; ENOTSUP: there are snapshots of version 2.
  Task<Result<>> Resize(std::uint64_t old_size, std::uint64_t size, Prealloc prealloc);
  // Leaves nothing of the disk's first `size` bytes, which are all, to this image: what the backing
  // image has shows again. REQUIRES: no other operation; image.backing is nothing.
  Task<Result<>> Empty(std::uint64_t size);
  // Puts everything on the disk. REQUIRES: no other operation.
  Task<Result<>> Settle();
  // The same, and gives back what the file has behind its end. REQUIRES: none to come.
  Task<Result<>> Close();

 private:
  // Guest clusters that get host clusters together.
  struct Placement {
    std::uint64_t begin = 0;  // guest offset of the first cluster
    std::uint64_t count = 0;
    L2Entry first;  // as they are now
    L2Entry last;
    bool reuse = false;  // of the one cluster's own host cluster
    std::uint64_t host = 0;
    bool fresh = false;
  };
  // What becomes of a unit: zeroes, or zeroes where it has data (a discard), or nobody's.
  enum class Clearing : std::uint8_t { kZero, kDiscard, kForget };
  // What of a placement is filled: [begin, at) with what was there, then data, then the same.
  struct Fill {
    std::uint64_t begin = 0;
    std::uint64_t at = 0;
    std::uint64_t data_end = 0;
    std::uint64_t end = 0;
    bool head = false;  // is not zeroes on the disk already
    bool tail = false;
  };

  const BlockRef& data() const { return image_.data(); }
  const L2Layout& layout() const { return map_.layout(); }
  std::uint64_t ClusterDown(std::uint64_t offset) const;
  std::uint64_t ClusterUp(std::uint64_t offset) const;
  bool HasRawData() const;

  // writer.cc
  Task<Result<>> Begin();
  Task<Result<>> CheckInPlace(std::uint64_t guest, const Run& run);
  Task<Result<>> ReachTo(std::uint64_t end);
  // `run`: what was about to be written, where it is known.
  Task<Result<>> MarkCorrupt(std::string message, const Run* run);
  Task<Result<>> KeepBounded();
  Task<Result<>> Failed(Result<> result);

  // writer_allocate.cc
  Task<Result<std::size_t>> WriteNew(std::uint64_t at, IoVec src);
  Task<Result<>> Undo(const Placement& placement, Result<> why);
  Task<Result<>> EnsureTable(std::uint64_t offset);
  Task<Result<std::uint64_t>> NewTable(std::uint64_t old_table);
  Task<Result<Placement>> Choose(std::uint64_t begin, std::uint64_t end);
  Task<Result<>> TakeClusters(Placement& placement);
  Fill PlanFill(const Placement& placement, std::uint64_t at, std::uint64_t length) const;
  Task<Result<>> WriteFilled(const Placement& placement, const Fill& fill, IoVec src);
  Task<Result<>> CopyOld(std::uint64_t guest, std::uint64_t end, std::uint64_t host);
  Task<Result<>> SetEntries(const Placement& placement, const Fill& fill);
  bool ReadsAsZero(const L2Entry& entry, std::uint64_t begin, std::uint64_t end) const;
  std::uint32_t UnitMask(std::uint64_t cluster, std::uint64_t begin, std::uint64_t end) const;

  // writer_zero.cc
  Task<Result<>> ZeroEdge(std::uint64_t begin, std::uint64_t end);
  Task<Result<>> ZeroUnits(std::uint64_t begin, std::uint64_t end, ZeroFlags flags,
                           Clearing clearing);
  Task<Result<std::uint64_t>> ZeroInSlice(std::uint64_t begin, std::uint64_t end, ZeroFlags flags,
                                          Clearing clearing);
  bool IsSilent(std::uint64_t begin, std::uint64_t end);
  std::optional<L2Entry> Zeroed(const L2Entry& old, std::uint32_t mask, ZeroFlags flags) const;

  // writer_resize.cc
  Task<Result<>> Grow(std::uint64_t old_size, std::uint64_t size, Prealloc prealloc);
  Task<Result<>> Shrink(std::uint64_t old_size, std::uint64_t size);
  Task<Result<>> GrowL1(std::uint64_t entries);
  Task<Result<>> DropTables(std::uint64_t size);
  Task<Result<>> Preallocate(std::uint64_t begin, std::uint64_t end, Prealloc prealloc);
  Task<Result<std::uint64_t>> PreallocateSome(std::uint64_t begin, std::uint64_t end,
                                              Prealloc prealloc);
  Task<Result<>> AllocateInCluster(std::uint64_t begin, std::uint64_t end);
  Task<Result<>> CopyMissing(const Placement& placement, const Fill& fill);

  Image& image_;
  ClusterMap& map_;
  GuestReader& reader_;
  Grace grace_;
  MetadataPlaces places_;
  Refcounts refcounts_;
  Allocator allocator_;
  WriteBack write_back_;
  RangeLock ranges_;  // guest clusters that are being placed
  CoMutex tables_;    // one new L2 or L1 table at a time
  CoMutex beginning_;
  std::atomic<bool> begun_{false};   // the header says what it must before anything is changed
  std::atomic<bool> broken_{false};  // the image is corrupt: nothing more is written
};

}  // namespace fusebay::qcow2
