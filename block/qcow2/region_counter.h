// RegionCounter: counts references to regions of the image file, and refuses those that lie beyond
// its end.
#pragma once
#include <cstdint>

#include "qcow2/check_report.h"
#include "qcow2/reference_counts.h"

namespace fusebay::qcow2 {

class RegionCounter {
 public:
  // `counts` and `report` outlive this.
  RegionCounter(ReferenceCounts& counts, CheckReport& report, std::uint32_t cluster_bits,
                std::uint64_t file_size)
      : counts_(counts), report_(report), cluster_bits_(cluster_bits), file_size_(file_size) {}

  // Numbers of clusters that the counts must have: the last region may reach beyond the end of the
  // file by less than a cluster.
  static std::uint64_t ClustersFor(std::uint64_t file_size, std::uint32_t cluster_bits) {
    const std::uint64_t whole = file_size >> cluster_bits;
    return whole + (whole << cluster_bits == file_size ? 1 : 2);
  }

  // Adds `times` to each cluster that the region touches.
  void Count(std::uint64_t offset, std::uint64_t length, std::uint64_t times = 1) {
    const std::uint64_t first = offset >> cluster_bits_;
    const std::uint64_t mask = (std::uint64_t{1} << cluster_bits_) - 1;
    if (offset < file_size_ && (offset & mask) == 0 && length == mask + 1) [[likely]] {
      counts_.Add(first, times);
      return;
    }
    CountAny(offset, length, times);
  }
  // Whether the region ends beyond the end of the file by a cluster or more, so that it is not
  // counted but reported.
  bool IsBeyondFile(std::uint64_t offset, std::uint64_t length) const {
    return length > UINT64_MAX - offset ||
           (offset + length > file_size_ && (offset + length - file_size_) >> cluster_bits_ != 0);
  }
  std::uint64_t file_size() const { return file_size_; }

 private:
  void CountAny(std::uint64_t offset, std::uint64_t length, std::uint64_t times);

  ReferenceCounts& counts_;
  CheckReport& report_;
  const std::uint32_t cluster_bits_;
  const std::uint64_t file_size_;
};

}  // namespace fusebay::qcow2
