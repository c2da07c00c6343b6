// Allocator: takes clusters of the image file for tables and data, and gives them back.
//
// A cluster is counted before anything refers to it, and no longer counted only when nothing on the
// disk refers to it: so a power cut leaks clusters at worst. Any loop.
#pragma once
#include <atomic>
#include <cstdint>

#include "core/sync.h"
#include "qcow2/refcounts.h"

namespace fusebay::qcow2 {

class Allocator {
 public:
  // A file is made longer by this much at least, so that it need not be for each cluster.
  static constexpr std::uint64_t kMaxGrowth = 16 * kMiB;

  // `file`, `header`, `places` and `refcounts` outlive this.
  Allocator(const BlockRef& file, const Header& header, MetadataPlaces& places,
            Refcounts& refcounts);

  struct Extent {
    std::uint64_t offset = 0;
    std::uint64_t clusters = 0;
    bool fresh = false;  // never used before: the file has zeroes there
  };
  // At least 1 and at most `wanted` clusters, inside the file, each with one reference. ENOSPC and
  // the like: the file cannot grow; EIO: the refcounts are wrong (corrupt() then says so).
  Task<Result<Extent>> Allocate(std::uint64_t wanted);
  // All of them, one after the other: for tables.
  Task<Result<Extent>> AllocateRun(std::uint64_t clusters);
  // Where `bytes` of compressed data go, less than a cluster: right behind what was placed before
  // if that can be, else in a new cluster. Each cluster that they touch gets a reference. Same
  // errors.
  Task<Result<std::uint64_t>> AllocateBytes(std::uint64_t bytes);
  // One reference less to each. Clusters without any are given back to the file, and to whoever
  // asks next. EIO: a refcount is wrong already; then corrupt() says so, and clusters may leak.
  Task<Result<>> Release(std::uint64_t offset, std::uint64_t clusters);

  Task<Result<>> WriteBack();
  bool changed() { return refcounts_.changed(); }
  // Takes away what the file has been made longer in advance. REQUIRES: no other operation.
  Task<Result<>> TrimFile();

  bool corrupt() const { return corrupt_.load(std::memory_order_relaxed); }

 private:
  // With mutex_ held.
  Task<Result<Extent>> Take(std::uint64_t wanted, bool all);
  Task<Result<Extent>> TakeBehindNewTable(std::uint64_t clusters);
  Task<Result<std::uint64_t>> PackedRoom();
  Task<Result<>> Cover(std::uint64_t cluster);
  Task<Result<>> GrowTable(Refcounts::Growth growth);
  Task<Result<>> ReachTo(std::uint64_t end_cluster);
  Result<> CheckUnused(std::uint64_t first, std::uint64_t count);
  Errno Corrupt();

  const BlockRef& file_;
  const Header& header_;
  MetadataPlaces& places_;
  Refcounts& refcounts_;
  const std::uint32_t cluster_bits_;
  std::atomic<bool> corrupt_{false};

  CoMutex mutex_;             // guards what follows, and refcounts_
  std::uint64_t hint_ = 0;    // no cluster before this one is free
  std::uint64_t unused_ = 0;  // no cluster from this one on has ever been used
  // Where compressed data goes on, inside a cluster that has some; 0: nowhere.
  std::uint64_t packed_end_ = 0;
  bool grown_ = false;  // the file has been made longer
};

}  // namespace fusebay::qcow2
