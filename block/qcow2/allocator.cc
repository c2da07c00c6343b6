// Finds free clusters from a hint on, adding refcount blocks and making the file longer on the way.
#include "qcow2/allocator.h"

#include <algorithm>

#include "base/align.h"

namespace fusebay::qcow2 {

Allocator::Allocator(const BlockRef& file, const Header& header, MetadataPlaces& places,
                     Refcounts& refcounts)
    : file_(file),
      header_(header),
      places_(places),
      refcounts_(refcounts),
      cluster_bits_(header.cluster_bits),
      unused_(AlignUp(file.size(), header.cluster_size()) >> header.cluster_bits) {}

Errno Allocator::Corrupt() {
  corrupt_.store(true, std::memory_order_relaxed);
  return Errno{EIO};
}

Task<Result<Allocator::Extent>> Allocator::Allocate(std::uint64_t wanted) {
  const CoMutex::Guard guard = co_await mutex_.Lock();
  const Result<Extent> taken = co_await Take(wanted, false);
  co_return taken;
}

Task<Result<Allocator::Extent>> Allocator::AllocateRun(std::uint64_t clusters) {
  const CoMutex::Guard guard = co_await mutex_.Lock();
  const Result<Extent> taken = co_await Take(clusters, true);
  co_return taken;
}

// What is left of the last cluster with compressed data, if that can have one more reference.
Task<Result<std::uint64_t>> Allocator::PackedRoom() {
  if (packed_end_ == 0) {
    co_return std::uint64_t{0};
  }
  CO_ASSIGN(const std::uint64_t references, co_await refcounts_.Get(packed_end_ >> cluster_bits_));
  FB_ASSERT(references != 0);
  co_return references == refcounts_.max_refcount()
      ? 0
      : AlignUp(packed_end_, header_.cluster_size()) - packed_end_;
}

Task<Result<std::uint64_t>> Allocator::AllocateBytes(std::uint64_t bytes) {
  FB_ASSERT(bytes > 0 && bytes < header_.cluster_size());
  const CoMutex::Guard guard = co_await mutex_.Lock();
  CO_ASSIGN(const std::uint64_t room, co_await PackedRoom());
  std::uint64_t place = packed_end_;
  bool goes_on = room >= bytes;
  if (!goes_on) {
    CO_ASSIGN(const Extent extent, co_await Take(1, false));
    goes_on = room != 0 && extent.offset == packed_end_ + room;
    place = goes_on ? place : extent.offset;
  }
  if (goes_on) {
    const Result<> counted = co_await refcounts_.Increase(place >> cluster_bits_, 1);
    CO_TRY(counted);  // the new cluster, if there is one, leaks
  }
  const std::uint64_t end = place + bytes;
  packed_end_ = IsAligned(end, header_.cluster_size()) ? 0 : end;
  co_return place;
}

Task<Result<Allocator::Extent>> Allocator::Take(std::uint64_t wanted, bool all) {
  FB_ASSERT(wanted > 0);
  // Every block of refcounts takes a cluster of those that it counts.
  if (all && wanted >= refcounts_.clusters_per_block()) {
    const Result<Extent> taken = co_await TakeBehindNewTable(wanted);
    co_return taken;
  }
  std::uint64_t at = hint_;
  std::uint64_t free = 0;
  while (free < (all ? wanted : 1)) {
    at += free;
    if (!refcounts_.IsCovered(at)) {
      const Result<> covered = co_await Cover(at);
      CO_TRY(covered);
    }
    CO_ASSIGN(const std::uint64_t used,
              co_await refcounts_.UsedRun(at, refcounts_.clusters_per_block()));
    at += used;
    CO_ASSIGN(free, co_await refcounts_.FreeRun(at, wanted));
    if (!refcounts_.IsCovered(at)) {
      free = 0;
    }
  }
  CO_TRY(CheckUnused(at, free));
  const Result<> reached = co_await ReachTo(at + free);
  CO_TRY(reached);
  const Result<> counted = co_await refcounts_.Increase(at, free);
  CO_TRY(counted);
  const Extent extent{at << cluster_bits_, free, at >= unused_};
  unused_ = std::max(unused_, at + free);
  if (!all) {
    hint_ = at + free;
  }
  co_return extent;
}

Task<Result<Allocator::Extent>> Allocator::TakeBehindNewTable(std::uint64_t clusters) {
  CO_ASSIGN(const Refcounts::Growth growth, refcounts_.PlanGrowth(0, clusters));
  const std::uint64_t first = growth.first + growth.blocks + growth.table_clusters;
  CO_TRY(CheckUnused(first, clusters));
  const Result<> reached = co_await ReachTo(first + clusters);
  CO_TRY(reached);
  const Result<> grown = co_await GrowTable(growth);
  CO_TRY(grown);
  const Result<> counted = co_await refcounts_.Increase(first, clusters);
  CO_TRY(counted);
  unused_ = std::max(unused_, first + clusters);
  co_return Extent{first << cluster_bits_, clusters, true};
}

Task<Result<>> Allocator::Cover(std::uint64_t cluster) {
  if (refcounts_.NeedsGrowth(cluster)) {
    CO_ASSIGN(const Refcounts::Growth growth, refcounts_.PlanGrowth(cluster, 0));
    const Result<> grown = co_await GrowTable(growth);
    co_return grown;
  }
  CO_TRY(CheckUnused(cluster, 1));
  const Result<> reached = co_await ReachTo(cluster + 1);
  CO_TRY(reached);
  const Result<> added = co_await refcounts_.AddBlock(cluster);
  CO_TRY(added);
  unused_ = std::max(unused_, cluster + 1);
  co_return Ok();
}

Task<Result<>> Allocator::GrowTable(Refcounts::Growth growth) {
  const std::uint64_t count = growth.blocks + growth.table_clusters;
  CO_TRY(CheckUnused(growth.first, count));
  const Result<> reached = co_await ReachTo(growth.first + count);
  CO_TRY(reached);
  const std::uint64_t old_table = header_.refcount_table_offset >> cluster_bits_;
  const Result<> grown = co_await refcounts_.Grow(growth);
  CO_TRY(grown);
  unused_ = std::max(unused_, growth.first + count);
  hint_ = std::min(hint_, old_table);
  co_return Ok();
}

// Nothing that the refcounts call free may be a table: they are wrong then.
Result<> Allocator::CheckUnused(std::uint64_t first, std::uint64_t count) {
  const bool used = places_.Touches(first << cluster_bits_, count << cluster_bits_);
  return used ? Result<>{Corrupt()} : Ok();
}

Task<Result<>> Allocator::ReachTo(std::uint64_t end_cluster) {
  const std::uint64_t size = file_.size();
  const std::uint64_t needed = end_cluster << cluster_bits_;
  if (needed <= size) {
    co_return Ok();
  }
  if (end_cluster > BlockNode::kMaxSize >> cluster_bits_) {
    co_return Errno{EFBIG};
  }
  const std::uint64_t ahead =
      std::clamp<std::uint64_t>(size / 8, header_.cluster_size(), kMaxGrowth);
  const std::uint64_t target = AlignUp(std::max(needed, size + ahead), header_.cluster_size());
  Result<> grown = co_await file_.Truncate(target, Prealloc::kOff);
  if (!grown.ok() && target > needed) {
    grown = co_await file_.Truncate(needed, Prealloc::kOff);
  }
  if (!grown.ok()) {
    co_return grown.error() == Errno{ENOTSUP} ? Errno{ENOSPC} : grown.error();
  }
  grown_ = true;
  co_return Ok();
}

Task<Result<>> Allocator::Release(std::uint64_t offset, std::uint64_t clusters) {
  const CoMutex::Guard guard = co_await mutex_.Lock();
  std::uint64_t at = offset >> cluster_bits_;
  const std::uint64_t end = at + clusters;
  while (at < end) {
    CO_ASSIGN(const std::uint64_t references, co_await refcounts_.Get(at));
    std::uint64_t count = 1;
    while (references == 1 && at + count < end) {
      CO_ASSIGN(const std::uint64_t next, co_await refcounts_.Get(at + count));
      if (next != 1) {
        break;
      }
      ++count;
    }
    if (references == 0) {
      co_return Corrupt();
    }
    if (references == 1) {
      CO_TRY(CheckUnused(at, count));
      const std::uint64_t begin = at << cluster_bits_;
      const std::uint64_t there = std::min(file_.size(), (at + count) << cluster_bits_);
      if (begin < there) {
        const Result<> discarded = co_await file_.Discard(begin, there - begin);
        static_cast<void>(discarded);  // a hint
      }
      hint_ = std::min(hint_, at);
      const std::uint64_t packed = packed_end_ >> cluster_bits_;
      packed_end_ = packed >= at && packed < at + count ? 0 : packed_end_;
    }
    const Result<> less = co_await refcounts_.Decrease(at, count);
    CO_TRY(less);
    at += count;
  }
  co_return Ok();
}

Task<Result<>> Allocator::WriteBack() {
  const CoMutex::Guard guard = co_await mutex_.Lock();
  const Result<> written = co_await refcounts_.WriteBack();
  co_return written;
}

Task<Result<>> Allocator::TrimFile() {
  const CoMutex::Guard guard = co_await mutex_.Lock();
  const std::uint64_t used = unused_ << cluster_bits_;
  if (!grown_ || file_.size() <= used) {
    co_return Ok();
  }
  grown_ = false;
  const Result<> trimmed = co_await file_.Truncate(used, Prealloc::kOff);
  co_return trimmed;
}

}  // namespace fusebay::qcow2
