// ClusterMap: where the bytes of the virtual disk are. L1 in memory, slices of L2 through a cache.
#pragma once
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "block/block_ref.h"
#include "core/log.h"
#include "qcow2/qcow2_l2.h"
#include "qcow2/table_cache.h"

namespace fusebay::qcow2 {

// Bytes of the virtual disk that are in one place.
struct Run {
  enum class Kind : std::uint8_t {
    kUnallocated,  // the backing image has them
    kZero,
    kData,        // one after the other, from host_offset
    kCompressed,  // part of one cluster
  };
  Kind kind = Kind::kUnallocated;
  std::uint64_t length = 0;
  std::uint64_t host_offset = 0;        // kData
  std::uint64_t descriptor = 0;         // kCompressed
  std::uint64_t offset_in_cluster = 0;  // kCompressed
};

class ClusterMap {
 public:
  // L2 tables are cached in slices of this, or of a cluster if that is smaller.
  static constexpr std::uint32_t kSliceBytes = 4096;
  static constexpr std::uint64_t kMaxCacheBytes = 32 * kMiB;
  static constexpr std::uint64_t kMinCacheBytes = 1 * kMiB;
  // Slices and L1 entries that one look-up goes through at most, so that it stays short.
  static constexpr unsigned kMaxSteps = 1024;

  // What a look-up found. kMiss: the slice `missing` has to be loaded first.
  struct Found {
    enum class State : std::uint8_t { kRun, kMiss, kFault };
    State state = State::kRun;
    Run run;
    std::uint64_t missing = 0;
    Fault fault{};
  };

  // `l1` as it is in the file but in our byte order. `cache_bytes` 0: enough to map
  // `virtual_size`, at most kMaxCacheBytes. `file` outlives the map. `filename` is for messages.
  struct Setup {
    std::vector<std::uint64_t> l1;
    std::uint64_t virtual_size = 0;
    std::uint64_t cache_bytes = 0;
    std::string filename;
  };
  ClusterMap(const BlockRef& file, const Header& header, Setup setup);

  // The run at `offset`: as long as cached tables tell, at most `length`, at least 1. Any loop;
  // never suspends, allocates nothing.
  Found TryFind(std::uint64_t offset, std::uint64_t length);
  // The same, with the table it begins in loaded if need be. EIO: the tables are wrong (said in the
  // log) or unreadable.
  Task<Result<Run>> Find(std::uint64_t offset, std::uint64_t length);

  const L2Layout& layout() const { return layout_; }
  std::size_t cache_slices() const { return cache_.max_blocks(); }
  // Whether a table turned out to be wrong since the image was opened.
  bool found_corruption() const { return corrupt_.load(std::memory_order_relaxed); }

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

  bool Step(Walk& walk);
  bool ScanSlice(Walk& walk, const std::byte* slice, std::uint64_t slice_guest_offset) const;
  void ReportFault(std::uint64_t offset, Fault fault);

  const L2Layout layout_;
  const std::uint32_t table_bits_;  // log2 of the virtual bytes that one L2 table maps
  const std::uint32_t slice_bits_;  // ... that one slice maps
  const std::vector<std::uint64_t> l1_;
  const std::string filename_;
  SliceSource source_;
  TableCache cache_;
  std::atomic<bool> corrupt_{false};
  RateLimit log_limit_;
};

}  // namespace fusebay::qcow2
