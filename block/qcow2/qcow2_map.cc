// Walks L1 and cached L2 slices and joins neighbouring units into runs.
#include "qcow2/qcow2_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "base/align.h"
#include "base/bytes.h"

namespace fusebay::qcow2 {

namespace {

std::uint32_t Log2(std::uint64_t power) {
  return static_cast<std::uint32_t>(std::countr_zero(power));
}

std::uint32_t SliceBytes(const L2Layout& layout) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(layout.cluster_size(), ClusterMap::kSliceBytes));
}

std::size_t CacheSlices(const L2Layout& layout, std::uint64_t virtual_size,
                        std::uint64_t cache_bytes) {
  if (cache_bytes == 0) {
    const std::uint64_t clusters = (virtual_size >> layout.cluster_bits) + 1;
    cache_bytes = std::min(clusters, ClusterMap::kMaxCacheBytes) * layout.entry_bytes();
    cache_bytes = std::clamp(cache_bytes, ClusterMap::kMinCacheBytes, ClusterMap::kMaxCacheBytes);
  }
  return std::max<std::uint64_t>(cache_bytes / SliceBytes(layout), 1);
}

// What units [unit, units) of a decoded entry begin with: a kind, and for how many units.
struct Units {
  Run::Kind kind;
  std::uint32_t count;
};

Units FirstUnits(const L2Entry& entry, std::uint32_t unit, std::uint32_t units) {
  const std::uint32_t allocated = entry.allocated >> unit;
  const std::uint32_t zero = entry.zero >> unit;
  std::uint32_t same = 0;  // a 1 for each unit like the first
  Run::Kind kind = Run::Kind::kUnallocated;
  if ((allocated & 1) != 0) {
    kind = Run::Kind::kData;
    same = allocated;
  } else if ((zero & 1) != 0) {
    kind = Run::Kind::kZero;
    same = zero;
  } else {
    same = ~(allocated | zero);
  }
  return {kind,
          std::min<std::uint32_t>(static_cast<std::uint32_t>(std::countr_one(same)), units - unit)};
}

}  // namespace

// A look-up in progress: [at, end) is still to be looked at, `found.run` is what came before.
struct ClusterMap::Walk {
  std::uint64_t at;
  const std::uint64_t end;
  const bool for_write;
  Found found;

  // Adds bytes of the virtual disk that begin at `at`; false if they do not continue the run.
  bool Add(const Run& part) {
    Run& run = found.run;
    if (run.length == 0) {
      run = part;
      run.length = 0;
    } else if (!run.IsContinuedBy(part)) {
      return false;
    }
    const std::uint64_t length = std::min(part.length, end - at);
    run.length += length;
    at += length;
    return at < end;
  }
  // The walk ends here; what it has is good.
  bool Stop(Found::State state) {
    if (found.run.length == 0) {
      found.state = state;
    }
    return false;
  }
};

ClusterMap::ClusterMap(const BlockRef& file, const Header& header, Setup setup)
    : layout_(header),
      table_bits_(Log2(header.bytes_per_table())),
      slice_bits_(Log2(SliceBytes(layout_) / layout_.entry_bytes()) + layout_.cluster_bits),
      filename_(std::move(setup.filename)),
      reporter_(setup.reporter),
      source_(file),
      cache_(source_, SliceBytes(layout_),
             CacheSlices(layout_, setup.virtual_size, setup.cache_bytes)) {
  ReplaceL1(std::move(setup.l1));
}

ClusterMap::Found ClusterMap::TryFind(std::uint64_t offset, std::uint64_t length) {
  Walk walk{offset, offset + length, false, {}};
  return Look(walk);
}

ClusterMap::Found ClusterMap::TryFindForWrite(std::uint64_t offset, std::uint64_t length) {
  Walk walk{offset, offset + length, true, {}};
  return Look(walk);
}

ClusterMap::Found ClusterMap::Look(Walk& walk) {
  FB_ASSERT(walk.at < walk.end);
  const std::lock_guard lock(mutex_);
  unsigned steps = 0;
  while (Step(walk) && ++steps < kMaxSteps) {
  }
  FB_ASSERT(walk.found.state != Found::State::kRun || walk.found.run.length > 0);
  return walk.found;
}

Task<Result<>> ClusterMap::Resolve(std::uint64_t offset, const Found& found) {
  if (found.state == Found::State::kRun) {
    co_return Ok();
  }
  if (found.state == Found::State::kFault || source_.IsBeyondFile(found.missing)) {
    ReportFault(offset, found.state == Found::State::kFault ? found.fault : Fault::kL1BeyondFile);
    co_return Errno{EIO};
  }
  const Result<> loaded = co_await cache_.Load(found.missing);
  if (!loaded.ok() && loaded.error() == Errno{ENOBUFS}) {
    const Result<> room = co_await room_maker_->MakeRoom();
    co_return room;
  }
  co_return loaded;
}

Task<Result<Run>> ClusterMap::Find(std::uint64_t offset, std::uint64_t length) {
  Found found = TryFind(offset, length);
  while (found.state != Found::State::kRun) {
    const Result<> resolved = co_await Resolve(offset, found);
    CO_TRY(resolved);
    found = TryFind(offset, length);
  }
  co_return found.run;
}

// One L1 entry without a table, or one slice. Returns whether the walk goes on.
bool ClusterMap::Step(Walk& walk) {
  const std::uint64_t index = walk.at >> table_bits_;
  const std::uint64_t entry = index < l1_.size() ? l1_[index] : 0;
  const std::uint64_t table = entry & kOffsetMask;
  if ((entry & ~(kCopied | kOffsetMask)) != 0 || !IsAligned(table, layout_.cluster_size())) {
    walk.found.fault =
        IsAligned(table, layout_.cluster_size()) ? Fault::kL1Reserved : Fault::kL1Unaligned;
    return walk.Stop(Found::State::kFault);
  }
  if (table == 0) {
    return walk.Add({.length = ((index + 1) << table_bits_) - walk.at});
  }
  const std::uint64_t slice_guest_offset = walk.at >> slice_bits_ << slice_bits_;
  const std::uint64_t key = SliceKey(table, walk.at);
  const TableCache::Pin slice = cache_.TryPin(key);
  if (!slice) {
    walk.found.missing = key;
    return walk.Stop(Found::State::kMiss);
  }
  return ScanSlice(walk, slice.data(), slice_guest_offset);
}

bool ClusterMap::ScanSlice(Walk& walk, const std::byte* slice,
                           std::uint64_t slice_guest_offset) const {
  const std::uint64_t cluster_mask = layout_.cluster_size() - 1;
  const std::uint64_t slice_end = slice_guest_offset + (std::uint64_t{1} << slice_bits_);
  while (walk.at < slice_end) {
    const std::uint64_t in_cluster = walk.at & cluster_mask;
    const std::uint64_t entry_index = (walk.at - slice_guest_offset) >> layout_.cluster_bits;
    const Result<L2Entry, Fault> entry =
        DecodeL2(layout_, slice + entry_index * layout_.entry_bytes(), walk.at - in_cluster);
    if (!entry.ok()) {
      walk.found.fault = entry.error();
      return walk.Stop(Found::State::kFault);
    }
    if (entry->compressed) {
      // One cluster at a time: only a run of its own.
      if (walk.found.run.length == 0) {
        walk.Add({.kind = Run::Kind::kCompressed,
                  .length = layout_.cluster_size() - in_cluster,
                  .descriptor = entry->descriptor,
                  .offset_in_cluster = in_cluster});
      }
      return false;
    }
    const auto unit = static_cast<std::uint32_t>(in_cluster >> layout_.unit_bits);
    Units units = FirstUnits(*entry, unit, layout_.units());
    if (walk.for_write && units.kind == Run::Kind::kData && !entry->copied) {
      units.kind = Run::Kind::kShared;
    }
    const std::uint64_t units_end = std::uint64_t{unit + units.count} << layout_.unit_bits;
    if (!walk.Add({.kind = units.kind,
                   .length = units_end - in_cluster,
                   .has_host = entry->has_host,
                   .host_offset = entry->host_offset + in_cluster})) {
      return false;
    }
  }
  return true;
}

void ClusterMap::ReportFault(std::uint64_t offset, Fault fault) {
  corrupt_.store(true, std::memory_order_relaxed);
  if (reporter_ != nullptr) {
    reporter_->Report(fmt::format("{} (guest offset {:#x})", FaultText(fault), offset),
                      std::nullopt, std::nullopt, /*fatal=*/false);
  }
  if (log_limit_.Allow()) {
    LogError(fmt::format("{}: the image is corrupt: {} (guest offset {:#x})", filename_,
                         FaultText(fault), offset));
  }
}

// Of a table that the file ends in, the rest is zeroes: nothing is allocated.
Task<Result<>> ClusterMap::SliceSource::Load(std::uint64_t key, MutableByteSpan dst) {
  const std::uint64_t file_size = file_.size();
  if (key >= file_size) {
    co_return Errno{EIO};  // the file has shrunk since
  }
  const std::size_t there = std::min<std::uint64_t>(dst.size(), file_size - key);
  const iovec iov{dst.data(), there};
  const Result<> read = co_await file_.Read(key, IoVec::Of(iov));
  std::fill(dst.begin() + static_cast<std::ptrdiff_t>(there), dst.end(), std::byte{0});
  co_return read;
}

}  // namespace fusebay::qcow2
