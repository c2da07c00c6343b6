// StoredRefcounts: the refcounts that an image file says its clusters have, all of them in memory.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "block/block_ref.h"
#include "qcow2/check_report.h"
#include "qcow2/qcow2_header.h"
#include "qcow2/reference_counts.h"

namespace fusebay::qcow2 {

// An entry of the refcount table.
inline constexpr std::uint64_t kRefcountBlockReserved = 0x1ff;
inline std::uint64_t RefcountBlockAt(std::uint64_t entry) {
  return entry & ~kRefcountBlockReserved;
}

// log2 of the clusters that one refcount block counts.
inline std::uint32_t RefcountBlockBits(const Header& header) {
  return header.cluster_bits + 3 - header.refcount_order;
}

class StoredRefcounts {
 public:
  // Reads the refcount table, and the blocks that count the first `clusters` of the file. What
  // cannot be read is reported and unknown. Errors: the table cannot be read; memory.
  Task<Result<Unit, Error>> Load(const BlockRef& file, const Header& header, std::uint64_t clusters,
                                 std::string_view filename, CheckReport& report);

  // The refcount table, in our byte order.
  std::span<const std::uint64_t> table() const { return table_; }
  // What lies beyond `clusters` is known as far as the same blocks count it. What is not known, or
  // has no block: 0.
  std::uint64_t Get(std::uint64_t cluster) const {
    return cluster < counts_.clusters() ? counts_.Get(cluster) : 0;
  }
  bool IsUnknown(std::uint64_t cluster) const { return has_unknown_ && unknown_.Contains(cluster); }
  // Whether a block counts this cluster.
  bool IsCovered(std::uint64_t cluster) const {
    const std::uint64_t index = cluster >> block_bits_;
    return index < table_.size() && RefcountBlockAt(table_[index]) != 0;
  }
  std::uint64_t FindUsed(std::uint64_t first, std::uint64_t end) const {
    return counts_.FindUsed(first, end);
  }

 private:
  class BlockReader;

  std::vector<std::uint64_t> table_;
  std::uint32_t block_bits_ = 0;
  std::uint64_t file_clusters_ = 0;
  ReferenceCounts counts_;
  ClusterSet unknown_;
  bool has_unknown_ = false;
};

// What ReferenceCounts and ClusterSet say when they cannot be made.
Error TooManyClusters(std::string_view filename, Errno cause);

}  // namespace fusebay::qcow2
