// ReferenceCounts: how often each host cluster is referred to, counted in memory; and ClusterSet,
// one bit per cluster.
//
// A count takes one byte until one of them needs more; then all take two, four or eight. Pages that
// no count has touched take no memory.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "base/result.h"

namespace fusebay::qcow2 {

// As many clusters as a check can number.
inline constexpr std::uint64_t kMaxCheckedClusters = INT32_MAX;

struct FreeMemory {
  void operator()(void* memory) const { std::free(memory); }
};

class ReferenceCounts {
 public:
  // All counts together. An image that needs more is refused.
  static constexpr std::uint64_t kMaxBytes = std::uint64_t{4} << 30;

  // All counts are 0. EFBIG: more than kMaxCheckedClusters, or kMaxBytes; ENOMEM.
  Result<> Reset(std::uint64_t clusters);
  std::uint64_t clusters() const { return clusters_; }

  // REQUIRES, here and below: cluster < clusters().
  std::uint64_t Get(std::uint64_t cluster) const {
    FB_ASSERT(cluster < clusters_);
    return width_ == 1 ? bytes_.get()[cluster] : GetWide(cluster);
  }
  void Add(std::uint64_t cluster, std::uint64_t times) {
    FB_ASSERT(cluster < clusters_);
    if (width_ == 1 && bytes_.get()[cluster] + times <= UINT8_MAX) [[likely]] {
      bytes_.get()[cluster] = static_cast<std::uint8_t>(bytes_.get()[cluster] + times);
      return;
    }
    AddWide(cluster, times);
  }
  // Takes back one that was added.
  void Remove(std::uint64_t cluster);
  // Whether a count did not fit into the memory that is allowed. The counts are worthless then.
  bool exhausted() const { return exhausted_; }
  // The first cluster in [first, end) that somebody refers to, or `end`.
  std::uint64_t FindUsed(std::uint64_t first, std::uint64_t end) const;
  std::uint32_t width() const { return width_; }

 private:
  std::uint64_t GetWide(std::uint64_t cluster) const;
  void AddWide(std::uint64_t cluster, std::uint64_t times);
  void Set(std::uint64_t cluster, std::uint64_t count);
  bool Widen();

  std::unique_ptr<std::uint8_t, FreeMemory> bytes_;
  std::uint64_t clusters_ = 0;
  std::uint32_t width_ = 1;  // bytes of a count
  bool exhausted_ = false;
};

class ClusterSet {
 public:
  Result<> Reset(std::uint64_t clusters);  // empty; errors as above
  std::uint64_t clusters() const { return clusters_; }
  void Insert(std::uint64_t cluster) {
    FB_ASSERT(cluster < clusters_);
    words_.get()[cluster / 64] |= std::uint64_t{1} << cluster % 64;
  }
  // A cluster beyond the end is not in it.
  bool Contains(std::uint64_t cluster) const {
    return cluster < clusters_ && (words_.get()[cluster / 64] >> cluster % 64 & 1) != 0;
  }

 private:
  std::unique_ptr<std::uint64_t, FreeMemory> words_;
  std::uint64_t clusters_ = 0;
};

}  // namespace fusebay::qcow2
