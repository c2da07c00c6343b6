// Writer: the size of the virtual disk, and space taken in advance.
#include <algorithm>

#include "base/align.h"
#include "core/aio_context.h"
#include "qcow2/header_update.h"
#include "qcow2/writer.h"

namespace fusebay::qcow2 {

namespace {

constexpr std::uint64_t kSector = 512;

// Zeroes as data: the file system has nothing left to allocate or to convert.
Task<Result<>> WriteInFull(const BlockRef& data, std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t end = offset + length;
  const Buffer zeroes =
      AioContext::Current().buffers().Get(std::min<std::uint64_t>(length, Writer::kMaxCopy));
  zeroes.vec().Fill(std::byte{0});
  while (offset < end) {
    const std::uint64_t piece = std::min<std::uint64_t>(end - offset, zeroes.vec().size);
    const Result<> written = co_await data.Write(offset, zeroes.vec().First(piece), {});
    CO_TRY(written);
    offset += piece;
  }
  co_return Ok();
}

}  // namespace

Task<Result<>> Writer::Resize(std::uint64_t old_size, std::uint64_t size, Prealloc prealloc) {
  if (image_.header.version < 3 && image_.header.snapshot_count != 0) {
    co_return Errno{ENOTSUP};  // version 2 does not tell how large the disk of a snapshot is
  }
  const Result<> begun = co_await Begin();
  CO_TRY(begun);
  Result<> result = Ok();
  if (size >= old_size) {
    result = co_await Grow(old_size, size, prealloc);
  } else {
    result = co_await Shrink(old_size, size);
  }
  const Result<> checked = co_await Failed(result);
  co_return checked;
}

// What comes into sight reads as zeroes before the header says that the disk is larger: the rest of
// the last cluster, and what a longer backing image would show.
Task<Result<>> Writer::Grow(std::uint64_t old_size, std::uint64_t size, Prealloc prealloc) {
  const std::uint64_t rounded = AlignUp(size, kSector);
  if (rounded > BlockNode::kMaxSize) {
    co_return Errno{EFBIG};
  }
  const std::uint64_t entries = (rounded + map_.table_span() - 1) / map_.table_span();
  if (entries > map_.l1_entries()) {
    const Result<> longer = co_await GrowL1(entries);
    CO_TRY(longer);
  }
  const std::uint64_t seen_end =
      std::max(ClusterUp(old_size), image_.backing ? image_.backing.size() : 0);
  const std::uint64_t zero_end = std::min(size, seen_end);
  if (old_size < zero_end) {
    Result<> zeroed = co_await WriteZeroes(old_size, zero_end - old_size, {}, size);
    if (!zeroed.ok() && zeroed.error() == Errno{ENOTSUP}) {
      zeroed = co_await ZeroEdge(old_size, zero_end);
    }
    CO_TRY(zeroed);
    const Result<> flushed = co_await Flush(FlushMode::kDisk);
    CO_TRY(flushed);
  }
  if (image_.data_file && data().size() < size) {
    const Result<> reached = co_await data().Truncate(size, Prealloc::kOff);
    CO_TRY(reached);
  }
  if (prealloc != Prealloc::kOff) {
    const Result<> allocated = co_await Preallocate(ClusterUp(old_size), size, prealloc);
    CO_TRY(allocated);
  }
  const Result<> named = co_await WriteSize(image_.file, image_.header, rounded);
  co_return named;
}

// The header first: what it no longer shows may then go.
Task<Result<>> Writer::Shrink(std::uint64_t old_size, std::uint64_t size) {
  const Result<> named = co_await WriteSize(image_.file, image_.header, AlignUp(size, kSector));
  CO_TRY(named);
  const std::uint64_t begin = ClusterUp(size);
  const std::uint64_t end = ClusterUp(old_size);
  if (begin < end) {
    const Result<> zeroed = co_await ZeroUnits(begin, end, {.may_unmap = true}, Clearing::kDiscard);
    CO_TRY(zeroed);
  }
  const Result<> dropped = co_await DropTables(size);
  CO_TRY(dropped);
  if (image_.data_file && data().size() > size) {
    const Result<> cut = co_await data().Truncate(size, Prealloc::kOff);
    CO_TRY(cut);
  }
  const Result<> flushed = co_await Flush(FlushMode::kDisk);
  co_return flushed;
}

// What the image no longer shows may then go, never before.
Task<Result<>> Writer::Empty(std::uint64_t size) {
  FB_ASSERT(!image_.backing);
  const Result<> begun = co_await Begin();
  CO_TRY(begun);
  Result<> result = co_await ZeroUnits(0, ClusterUp(size), {.may_unmap = true}, Clearing::kForget);
  if (result.ok()) {
    result = co_await DropTables(0);
  }
  if (result.ok()) {
    result = co_await Flush(FlushMode::kDisk);
  }
  if (result.ok() && image_.data_file) {
    result = co_await data().Discard(0, data().size());
  }
  const Result<> checked = co_await Failed(result);
  co_return checked;
}

// L2 tables that map nothing of the disk any more. Their own entries have been dropped.
Task<Result<>> Writer::DropTables(std::uint64_t size) {
  const Result<> committed = co_await write_back_.Commit(FlushMode::kDisk);
  CO_TRY(committed);
  const CoMutex::Guard guard = co_await tables_.Lock();
  const std::uint64_t first = (size + map_.table_span() - 1) / map_.table_span();
  for (std::uint64_t index = first; index < map_.l1_entries(); ++index) {
    const std::uint64_t entry = map_.L1Entry(index);
    const std::uint64_t table = entry & kOffsetMask;
    if (table == 0) {
      continue;
    }
    if ((entry & kCopied) != 0) {
      map_.ForgetTable(table);
    }
    places_.Remove(table, layout().cluster_size());
    map_.SetL1Entry(index, 0);
  }
  co_return Ok();
}

// The new table is on the disk, and counted, before the header names it.
Task<Result<>> Writer::GrowL1(std::uint64_t entries) {
  if (entries > kMaxL1Bytes / sizeof(std::uint64_t)) {
    co_return Errno{EFBIG};
  }
  const CoMutex::Guard tables = co_await tables_.Lock();
  const CoMutex::Guard writing = co_await write_back_.mutex().Lock();
  std::vector<std::uint64_t> l1 = map_.CopyL1();
  const std::uint64_t old_offset = image_.header.l1_offset;
  const std::uint64_t old_bytes = l1.size() * sizeof(std::uint64_t);
  l1.resize(std::max<std::uint64_t>(entries, l1.size()), 0);
  std::vector<std::uint64_t> raw = l1;
  for (std::uint64_t& entry : raw) {
    StoreBe(&entry, std::uint64_t{entry});
  }
  const std::uint64_t bytes = raw.size() * sizeof(std::uint64_t);
  const std::uint64_t clusters = ClusterUp(bytes) >> layout().cluster_bits;
  CO_ASSIGN(const Allocator::Extent extent, co_await allocator_.AllocateRun(clusters));
  const iovec iov{raw.data(), bytes};
  const Result<> written = co_await image_.file.Write(extent.offset, IoVec::Of(iov), {});
  CO_TRY(written);
  const Result<> counted = co_await allocator_.WriteBack();
  CO_TRY(counted);
  const Result<> flushed = co_await image_.file.Flush(FlushMode::kDisk);
  CO_TRY(flushed);
  const Result<> named = co_await WriteL1Place(image_.file, image_.header, extent.offset,
                                               static_cast<std::uint32_t>(l1.size()));
  CO_TRY(named);
  map_.ReplaceL1(std::move(l1));
  places_.Add(extent.offset, bytes);
  places_.Remove(old_offset, old_bytes);
  const std::uint64_t old_clusters = ClusterUp(old_bytes) >> layout().cluster_bits;
  if (old_clusters != 0) {
    const Result<> released = co_await allocator_.Release(old_offset, old_clusters);
    static_cast<void>(released);  // leaked at worst; a corruption is the allocator's to tell
  }
  co_return Ok();
}

// Clusters that have never been used need no zeroes.
Task<Result<>> Writer::Preallocate(std::uint64_t begin, std::uint64_t end, Prealloc prealloc) {
  end = ClusterUp(end);
  while (begin < end) {
    const Result<> room = co_await KeepBounded();
    CO_TRY(room);
    CO_ASSIGN(begin, co_await PreallocateSome(begin, end, prealloc));
  }
  co_return Ok();
}

Task<Result<std::uint64_t>> Writer::PreallocateSome(std::uint64_t begin, std::uint64_t end,
                                                    Prealloc prealloc) {
  const std::uint64_t slice_end = AlignDown(begin, map_.slice_span()) + map_.slice_span();
  end = std::min(end, slice_end);
  RangeLock::Hold hold(ranges_, begin, end, RangeLock::Mode::kExclusive);
  co_await hold.Acquire();
  const Result<> ensured = co_await EnsureTable(begin);
  CO_TRY(ensured);
  CO_ASSIGN(Placement placement, co_await Choose(begin, end));
  if (placement.count == 0) {
    co_return begin + layout().cluster_size();
  }
  const Result<> taken = co_await TakeClusters(placement);
  CO_TRY(taken);
  const std::uint64_t length = placement.count * layout().cluster_size();
  Result<> done = co_await ReachTo(placement.host + length);
  if (done.ok() && prealloc == Prealloc::kFull) {
    done = co_await WriteInFull(data(), placement.host, length);
  } else if (done.ok() && !placement.fresh) {
    done = co_await data().WriteZeroes(placement.host, length, {});
  }
  if (done.ok() && prealloc == Prealloc::kFalloc) {
    done = co_await data().Allocate(placement.host, length);
  }
  if (done.ok()) {
    // Parts of a cluster that have a place, but have not been written, show the backing image.
    const std::uint64_t end_of_data = layout().extended ? begin : begin + length;
    const Fill fill{.begin = begin, .at = begin, .data_end = end_of_data, .end = end_of_data};
    done = co_await SetEntries(placement, fill);
  }
  if (!done.ok()) {
    const Result<> undone = co_await Undo(placement, done);
    co_return undone.error();
  }
  co_return begin + length;
}

// fallocate: what is there stays what it is, but has host clusters.
Task<Result<>> Writer::Allocate(std::uint64_t offset, std::uint64_t length) {
  const Result<> begun = co_await Begin();
  CO_TRY(begun);
  const std::uint64_t end = offset + length;
  while (offset < end) {
    const Result<> room = co_await KeepBounded();
    CO_TRY(room);
    const std::uint64_t part_end = std::min(end, ClusterDown(offset) + layout().cluster_size());
    const Result<> allocated = co_await AllocateInCluster(offset, part_end);
    if (!allocated.ok()) {
      const Result<> failed = co_await Failed(allocated);
      co_return failed;
    }
    offset = part_end;
  }
  co_return Ok();
}

Task<Result<>> Writer::AllocateInCluster(std::uint64_t begin, std::uint64_t end) {
  RangeLock::Hold hold(ranges_, ClusterDown(begin), ClusterUp(end), RangeLock::Mode::kExclusive);
  co_await hold.Acquire();
  const Result<> ensured = co_await EnsureTable(begin);
  CO_TRY(ensured);
  CO_ASSIGN(Placement placement, co_await Choose(begin, end));
  if (placement.count == 0) {
    co_return Ok();
  }
  const Result<> taken = co_await TakeClusters(placement);
  CO_TRY(taken);
  Fill fill = PlanFill(placement, begin, end - begin);
  fill.at = fill.end;
  fill.data_end = fill.end;
  const std::uint64_t host = placement.host + (fill.begin - placement.begin);
  Result<> done = co_await ReachTo(host + (fill.end - fill.begin));
  if (done.ok()) {
    done = co_await data().Allocate(host, fill.end - fill.begin);
  }
  if (done.ok()) {
    done = co_await CopyMissing(placement, fill);
  }
  if (done.ok()) {
    done = co_await SetEntries(placement, fill);
  }
  if (!done.ok()) {
    done = co_await Undo(placement, done);
  }
  co_return done;
}

// Units that are in the host cluster already may be being written right now.
Task<Result<>> Writer::CopyMissing(const Placement& placement, const Fill& fill) {
  const std::uint64_t unit = std::uint64_t{1} << layout().unit_bits;
  const std::uint64_t shift = placement.host - placement.begin;  // modulo 2^64
  for (std::uint64_t at = fill.begin; at < fill.end; at += unit) {
    const std::uint32_t mask = UnitMask(placement.begin, at, at + unit);
    const bool is_there = placement.reuse && (placement.first.allocated & mask) != 0;
    if (is_there || (placement.fresh && ReadsAsZero(placement.first, at, at + unit))) {
      continue;
    }
    const Result<> copied = co_await CopyOld(at, at + unit, at + shift);
    CO_TRY(copied);
  }
  co_return Ok();
}

}  // namespace fusebay::qcow2
