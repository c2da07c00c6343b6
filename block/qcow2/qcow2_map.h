// ClusterMap: where the bytes of the virtual disk are. L1 in memory, slices of L2 through a cache.
//
// Of an image that is written, changes are made in memory and collected by a WriteBack. Looking and
// changing are short and under one mutex; nobody holds it across a suspend.
#pragma once
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "block/block_ref.h"
#include "block/corruption.h"
#include "core/log.h"
#include "qcow2/qcow2_l2.h"
#include "qcow2/table_cache.h"

namespace fusebay::qcow2 {

// Bytes of the virtual disk that are in one place.
struct Run {
  enum class Kind : std::uint8_t {
    kUnallocated,  // the backing image has them
    kZero,
    kData,        // from host_offset
    kShared,      // TryFindForWrite only: data, and something else refers to it, too
    kCompressed,  // part of one cluster
  };
  Kind kind = Kind::kUnallocated;
  std::uint64_t length = 0;
  bool has_host = false;                // always of kData; of others: space is kept for it
  std::uint64_t host_offset = 0;        // with has_host; one after the other
  std::uint64_t descriptor = 0;         // kCompressed
  std::uint64_t offset_in_cluster = 0;  // kCompressed

  // Whether `next`, which begins where this ends on the disk, goes on with the same.
  bool IsContinuedBy(const Run& next) const {
    return kind == next.kind && kind != Kind::kCompressed && has_host == next.has_host &&
           (!has_host || next.host_offset == host_offset + length);
  }
};

// Host clusters that lose one reference each.
struct Dropped {
  std::uint64_t offset = 0;
  std::uint64_t clusters = 0;
};

class ClusterMap {
 public:
  // L2 tables are cached in slices of this, or of a cluster if that is smaller.
  static constexpr std::uint32_t kSliceBytes = 4096;
  static constexpr std::uint64_t kMaxCacheBytes = 32 * kMiB;
  static constexpr std::uint64_t kMinCacheBytes = 1 * kMiB;
  // Slices and L1 entries that one look-up goes through at most, so that it stays short.
  static constexpr unsigned kMaxSteps = 1024;
  // Of the L1 table, what is written at a time.
  static constexpr std::uint32_t kL1PieceBytes = 512;

  // What a look-up found. kMiss: the slice `missing` has to be loaded first.
  struct Found {
    enum class State : std::uint8_t { kRun, kMiss, kFault };
    State state = State::kRun;
    Run run;
    std::uint64_t missing = 0;
    Fault fault{};
  };

  // Writes changed slices back when the cache is full of them.
  class RoomMaker {
   public:
    virtual ~RoomMaker() = default;
    virtual Task<Result<>> MakeRoom() = 0;
  };

  // `l1` as it is in the file but in our byte order. `cache_bytes` 0: enough to map
  // `virtual_size`, at most kMaxCacheBytes. `file` outlives the map. `filename` is for messages.
  struct Setup {
    std::vector<std::uint64_t> l1;
    std::uint64_t virtual_size = 0;
    std::uint64_t cache_bytes = 0;
    std::string filename;
    CorruptionReporter* reporter = nullptr;  // may be null
  };
  ClusterMap(const BlockRef& file, const Header& header, Setup setup);

  // The run at `offset`: as long as cached tables tell, at most `length`, at least 1. Any loop;
  // never suspends, allocates nothing.
  Found TryFind(std::uint64_t offset, std::uint64_t length);
  // The same for whoever is about to write: kData may be written in place, kShared may not.
  Found TryFindForWrite(std::uint64_t offset, std::uint64_t length);
  // Loads what a look-up at `offset` has missed, or reports its fault (EIO).
  Task<Result<>> Resolve(std::uint64_t offset, const Found& found);
  // TryFind and Resolve until there is a run. EIO: the tables are wrong (said in the log) or
  // unreadable.
  Task<Result<Run>> Find(std::uint64_t offset, std::uint64_t length);

  const L2Layout& layout() const { return layout_; }
  std::size_t cache_slices() const { return cache_.max_blocks(); }
  // Whether a table turned out to be wrong since the image was opened.
  bool found_corruption() const { return corrupt_.load(std::memory_order_relaxed); }
  void ReportFault(std::uint64_t offset, Fault fault);

  // --- For the writer of an image. Changes are seen by look-ups at once.

  void SetRoomMaker(RoomMaker* maker) { room_maker_ = maker; }
  // Virtual bytes that one L1 entry maps, and one slice.
  std::uint64_t table_span() const { return std::uint64_t{1} << table_bits_; }
  std::uint64_t slice_span() const { return std::uint64_t{1} << slice_bits_; }
  std::size_t l1_entries();
  std::uint64_t L1Entry(std::uint64_t index);
  std::vector<std::uint64_t> CopyL1();
  // REQUIRES: index < l1_entries(). The table that the entry pointed to loses a reference.
  void SetL1Entry(std::uint64_t index, std::uint64_t entry);
  // A table of another length, which is on disk already.
  void ReplaceL1(std::vector<std::uint64_t> l1);
  // Slices of a table that is no more are not to be found in the cache for the next one there.
  void ForgetTable(std::uint64_t table_offset);

  // The slice of `offset`. REQUIRES: there is a table for it.
  Task<Result<TableCache::Pin>> PinSlice(std::uint64_t offset);
  // The entry of the cluster at `offset` in its slice.
  Result<L2Entry, Fault> Entry(const TableCache::Pin& slice, std::uint64_t offset);
  // What the old entry alone referred to is dropped, unless the new one refers to it.
  void SetEntry(const TableCache::Pin& slice, std::uint64_t offset, const L2Entry& entry);

  // Everything that has changed since the last time, to be written; and what may be given back when
  // it is on the disk.
  struct Changes {
    struct L1Piece {
      std::uint64_t index = 0;  // of the piece
      std::vector<std::byte> bytes;
    };
    std::vector<TableCache::Copy> slices;
    std::vector<L1Piece> l1;
    std::vector<Dropped> dropped;
    bool empty() const { return slices.empty() && l1.empty() && dropped.empty(); }
  };
  // REQUIRES: what was collected before has been settled.
  Changes Collect();
  void Settle(const Changes& changes, bool written);
  std::size_t changed_slices() { return cache_.dirty_blocks(); }
  // Whether there is anything to collect, or anything collected that has not been settled.
  bool has_changes();

 private:
  class SliceSource : public TableCache::Source {
   public:
    explicit SliceSource(const BlockRef& file) : file_(file) {}
    bool IsBeyondFile(std::uint64_t key) const { return key >= file_.size(); }
    Task<Result<>> Load(std::uint64_t key, MutableByteSpan dst) override;

   private:
    const BlockRef& file_;
  };
  struct Walk;

  Found Look(Walk& walk);
  bool Step(Walk& walk);
  bool ScanSlice(Walk& walk, const std::byte* slice, std::uint64_t slice_guest_offset) const;
  std::uint64_t SliceKey(std::uint64_t table, std::uint64_t offset) const;
  std::byte* RawEntry(const TableCache::Pin& slice, std::uint64_t offset) const;
  void Drop(const L2Entry& old, const L2Entry& now);

  const L2Layout layout_;
  const std::uint32_t table_bits_;  // log2 of the virtual bytes that one L2 table maps
  const std::uint32_t slice_bits_;  // ... that one slice maps
  const std::string filename_;
  CorruptionReporter* const reporter_;
  SliceSource source_;
  TableCache cache_;
  RoomMaker* room_maker_ = nullptr;
  std::atomic<bool> corrupt_{false};
  RateLimit log_limit_;

  std::mutex mutex_;  // guards what follows, and the contents of the slices
  std::vector<std::uint64_t> l1_;
  std::vector<bool> l1_changed_;  // by pieces
  std::vector<Dropped> dropped_;
  bool collected_ = false;
};

}  // namespace fusebay::qcow2
