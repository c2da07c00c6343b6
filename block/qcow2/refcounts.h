// Refcounts: how many references each host cluster has. The refcount table is in memory, slices of
// refcount blocks go through a cache; changes are written by the Commit.
//
// One user at a time (the Allocator's lock), on any loop. Clusters are numbered from the beginning
// of the file.
#pragma once
#include <cstdint>
#include <vector>

#include "block/block_ref.h"
#include "qcow2/metadata_places.h"
#include "qcow2/qcow2_header.h"
#include "qcow2/table_cache.h"

namespace fusebay::qcow2 {

class Refcounts {
 public:
  static constexpr std::uint32_t kSliceBytes = 4096;
  static constexpr std::uint64_t kDefaultCacheBytes = 1 * kMiB;
  static constexpr std::size_t kMinCacheSlices = 16;

  // `table` is the refcount table as it is in the file, in our byte order. `file`, `header` and
  // `places` outlive this. cache_bytes 0: kDefaultCacheBytes.
  Refcounts(const BlockRef& file, Header& header, MetadataPlaces& places,
            std::vector<std::uint64_t> table, std::uint64_t cache_bytes);

  std::uint64_t clusters_per_block() const { return std::uint64_t{1} << block_bits_; }
  std::uint64_t max_refcount() const;
  // Whether a refcount block counts this cluster. Without one its refcount is 0.
  bool IsCovered(std::uint64_t cluster) const;

  Task<Result<std::uint64_t>> Get(std::uint64_t cluster);
  // How many clusters from `first` on are free, at most `limit`; 0: it is in use. Ends where
  // coverage ends or begins.
  Task<Result<std::uint64_t>> FreeRun(std::uint64_t first, std::uint64_t limit);
  // The same of clusters in use.
  Task<Result<std::uint64_t>> UsedRun(std::uint64_t first, std::uint64_t limit);

  // Adds 1 to, or takes 1 from, each refcount. REQUIRES: all are covered. EIO: a refcount would
  // fall below 0; ERANGE: it would not fit. Then those before it are changed already.
  Task<Result<>> Increase(std::uint64_t first, std::uint64_t count);
  Task<Result<>> Decrease(std::uint64_t first, std::uint64_t count);

  // Covers the block of clusters around `cluster`, which becomes the new refcount block's own
  // place. On disk when this returns. REQUIRES: IsCovered(cluster) is false, the table has an entry
  // for it (NeedsGrowth is false), the file reaches beyond it.
  Task<Result<>> AddBlock(std::uint64_t cluster);
  bool NeedsGrowth(std::uint64_t cluster) const;
  // A larger table, behind everything that the old one covers, that can cover `cluster`, and that
  // covers `run` clusters behind itself. The file must reach to the end of what PlanGrowth says. On
  // disk when this returns; the old table's clusters are free. EFBIG: the table would be too large.
  struct Growth {
    std::uint64_t first = 0;  // cluster; then come the blocks, then the table
    std::uint64_t blocks = 0;
    std::uint64_t table_clusters = 0;
  };
  Result<Growth> PlanGrowth(std::uint64_t cluster, std::uint64_t run) const;
  Task<Result<>> Grow(Growth growth);

  // Writes what has changed to the file.
  Task<Result<>> WriteBack();
  bool changed() { return cache_.dirty_blocks() != 0; }
  // Gives back the memory of what nobody has used since the last call. Any loop, at any time.
  void ReleaseUnused() { cache_.ReleaseUnused(); }

 private:
  class SliceSource : public TableCache::Source {
   public:
    explicit SliceSource(const BlockRef& file) : file_(file) {}
    Task<Result<>> Load(std::uint64_t key, MutableByteSpan dst) override;

   private:
    const BlockRef& file_;
  };
  // A slice of a refcount block and which of its entries are meant.
  struct Part {
    std::uint64_t key = 0;
    std::uint64_t index = 0;  // in the slice
    std::uint64_t count = 0;
  };
  Task<Result<TableCache::Pin>> PinSlice(std::uint64_t key);
  Part PartOf(std::uint64_t first, std::uint64_t count) const;
  Task<Result<std::uint64_t>> RunOf(std::uint64_t first, std::uint64_t limit, bool used);
  Task<Result<>> WriteGrown(const Growth& growth, const std::vector<std::uint64_t>& table);

  const BlockRef& file_;
  Header& header_;
  MetadataPlaces& places_;
  const std::uint32_t order_;
  const std::uint32_t block_bits_;  // log2 of the clusters that a block counts
  const std::uint32_t slice_bits_;  // ... that a slice counts
  std::vector<std::uint64_t> table_;
  SliceSource source_;
  TableCache cache_;
};

}  // namespace fusebay::qcow2
