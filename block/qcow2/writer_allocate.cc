// Writer: writes that need new clusters, with what they do not cover copied from the old ones.
#include <algorithm>
#include <array>

#include "base/align.h"
#include "core/aio_context.h"
#include "qcow2/writer.h"

namespace fusebay::qcow2 {

// The bits of the units of the cluster at `cluster` that [begin, end) touches.
std::uint32_t Writer::UnitMask(std::uint64_t cluster, std::uint64_t begin,
                               std::uint64_t end) const {
  const std::uint64_t cluster_end = cluster + layout().cluster_size();
  if (begin >= cluster_end || end <= cluster) {
    return 0;
  }
  const std::uint64_t first = (std::max(begin, cluster) - cluster) >> layout().unit_bits;
  const std::uint64_t last = (std::min(end, cluster_end) - 1 - cluster) >> layout().unit_bits;
  const std::uint64_t up_to_last = (std::uint64_t{2} << last) - 1;
  return static_cast<std::uint32_t>(up_to_last & ~((std::uint64_t{1} << first) - 1));
}

// Whether [begin, end), which lies in the cluster of `entry`, is known to read as zeroes.
bool Writer::ReadsAsZero(const L2Entry& entry, std::uint64_t begin, std::uint64_t end) const {
  if (begin >= end) {
    return true;
  }
  const std::uint32_t mask = UnitMask(ClusterDown(begin), begin, end);
  if (entry.compressed || (entry.allocated & mask) != 0) {
    return false;
  }
  return (entry.zero & mask) == mask || !image_.backing || begin >= image_.backing.size();
}

// Returns how much of `src` is written: what fits into one placement, or nothing if others have
// placed the cluster meanwhile.
Task<Result<std::size_t>> Writer::WriteNew(std::uint64_t at, IoVec src) {
  const Result<> room = co_await KeepBounded();
  CO_TRY(room);
  const std::uint64_t slice_end = AlignDown(at, map_.slice_span()) + map_.slice_span();
  const std::uint64_t end = std::min(at + src.size, slice_end);
  RangeLock::Hold hold(ranges_, ClusterDown(at), ClusterUp(end), RangeLock::Mode::kExclusive);
  co_await hold.Acquire();
  const Result<> ensured = co_await EnsureTable(at);
  CO_TRY(ensured);
  CO_ASSIGN(Placement placement, co_await Choose(at, end));
  if (placement.count == 0) {
    co_return std::size_t{0};
  }
  const Result<> taken = co_await TakeClusters(placement);
  CO_TRY(taken);
  const std::uint64_t placed_end = placement.begin + placement.count * layout().cluster_size();
  const std::size_t length = std::min(end, placed_end) - at;
  const Fill fill = PlanFill(placement, at, length);
  Result<> written = co_await WriteFilled(placement, fill, src.First(length));
  if (written.ok()) {
    written = co_await SetEntries(placement, fill);
  }
  if (!written.ok()) {
    const Result<> undone = co_await Undo(placement, written);
    co_return undone.error();
  }
  co_return length;
}

// Gives back what was taken, and returns why: nothing refers to it yet.
Task<Result<>> Writer::Undo(const Placement& placement, Result<> why) {
  if (!placement.reuse) {
    const Result<> released = co_await allocator_.Release(placement.host, placement.count);
    static_cast<void>(released);  // leaked at worst; the first error counts
  }
  co_return why;
}

// There is an L2 table for `offset`, and nothing else refers to it.
Task<Result<>> Writer::EnsureTable(std::uint64_t offset) {
  const std::uint64_t index = offset / map_.table_span();
  std::uint64_t entry = map_.L1Entry(index);
  if ((entry & kCopied) != 0 && (entry & kOffsetMask) != 0) {
    co_return Ok();
  }
  const CoMutex::Guard guard = co_await tables_.Lock();
  entry = map_.L1Entry(index);
  if ((entry & kCopied) != 0 && (entry & kOffsetMask) != 0) {
    co_return Ok();
  }
  CO_ASSIGN(const std::uint64_t table, co_await NewTable(entry & kOffsetMask));
  map_.ForgetTable(table);
  places_.Add(table, layout().cluster_size());
  if ((entry & kOffsetMask) != 0) {
    places_.Remove(entry & kOffsetMask, layout().cluster_size());
  }
  map_.SetL1Entry(index, table | kCopied);
  co_return Ok();
}

// A table like the old one, or with zeroes if there is none.
Task<Result<std::uint64_t>> Writer::NewTable(std::uint64_t old_table) {
  CO_ASSIGN(const Allocator::Extent extent, co_await allocator_.AllocateRun(1));
  if (old_table == 0 && extent.fresh) {
    co_return extent.offset;
  }
  const std::uint64_t bytes = layout().cluster_size();
  const Buffer buffer = AioContext::Current().buffers().Get(bytes);
  const IoVec whole = buffer.vec().First(bytes);
  whole.Fill(std::byte{0});
  Result<> done = Ok();
  if (old_table != 0) {
    const std::uint64_t size = image_.file.size();
    const std::uint64_t there = old_table < size ? std::min(bytes, size - old_table) : 0;
    done = there == 0 ? Result<>{Errno{EIO}}
                      : co_await image_.file.Read(old_table, whole.First(there));
  }
  if (done.ok()) {
    done = co_await image_.file.Write(extent.offset, whole, {});
  }
  if (!done.ok()) {
    const Result<> released = co_await allocator_.Release(extent.offset, 1);
    static_cast<void>(released);  // the first error counts
    co_return done.error();
  }
  co_return extent.offset;
}

// Which clusters from that of `at` on get new host clusters together. None: the first one is fully
// there already.
Task<Result<Writer::Placement>> Writer::Choose(std::uint64_t at, std::uint64_t end) {
  CO_ASSIGN(const TableCache::Pin slice, co_await map_.PinSlice(at));
  Placement placement;
  placement.begin = ClusterDown(at);
  for (std::uint64_t cluster = placement.begin; cluster < end; cluster += layout().cluster_size()) {
    const Result<L2Entry, Fault> entry = map_.Entry(slice, cluster);
    if (!entry.ok()) {
      map_.ReportFault(cluster, entry.error());
      co_return Errno{EIO};
    }
    const bool reuse = entry->has_host && entry->copied;
    if (placement.count == 0) {
      const std::uint32_t mask = UnitMask(cluster, at, end);
      if (reuse && (entry->allocated & mask) == mask) {
        co_return placement;
      }
      placement.first = *entry;
      placement.reuse = reuse;
      placement.host = entry->host_offset;
    } else if (reuse) {
      co_return placement;
    }
    placement.last = *entry;
    ++placement.count;
    if (reuse) {
      co_return placement;
    }
  }
  co_return placement;
}

Task<Result<>> Writer::TakeClusters(Placement& placement) {
  if (placement.reuse) {
    co_return Ok();
  }
  if (image_.data_file) {
    placement.host = placement.begin;
    placement.reuse = true;  // it is no one else's
    co_return Ok();
  }
  const std::uint64_t wanted = placement.count;
  CO_ASSIGN(const Allocator::Extent extent, co_await allocator_.Allocate(wanted));
  placement.host = extent.offset;
  placement.count = extent.clusters;
  placement.fresh = extent.fresh;
  if (extent.clusters < wanted && extent.clusters > 1) {
    placement.last = L2Entry{};  // all of it is written
  } else if (extent.clusters == 1) {
    placement.last = placement.first;
  }
  co_return Ok();
}

// Of a cluster that has moved, what it had comes along; else only units that the data covers in
// part are filled.
Writer::Fill Writer::PlanFill(const Placement& placement, std::uint64_t at,
                              std::uint64_t length) const {
  const std::uint64_t unit = std::uint64_t{1} << layout().unit_bits;
  const auto moves = [&placement](const L2Entry& entry) {
    return entry.compressed || (entry.allocated != 0 && !placement.reuse);
  };
  Fill fill{.begin = AlignDown(at, unit),
            .at = at,
            .data_end = at + length,
            .end = AlignUp(at + length, unit)};
  if (moves(placement.first)) {
    fill.begin = ClusterDown(at);
  }
  if (moves(placement.last)) {
    fill.end = ClusterUp(at + length);
  }
  const bool zero = placement.fresh;
  fill.head = fill.begin < at && !(zero && ReadsAsZero(placement.first, fill.begin, at));
  fill.tail =
      fill.data_end < fill.end && !(zero && ReadsAsZero(placement.last, fill.data_end, fill.end));
  return fill;
}

Task<Result<>> Writer::WriteFilled(const Placement& placement, const Fill& fill, IoVec src) {
  const std::uint64_t shift = placement.host - placement.begin;  // modulo 2^64
  const Result<> reached = co_await ReachTo(fill.end + shift);
  CO_TRY(reached);
  if (!fill.head && !fill.tail) {
    const Result<> written = co_await data().Write(fill.at + shift, src, {});
    co_return written;
  }
  const std::uint64_t begin = fill.head ? fill.begin : fill.at;
  const std::uint64_t end = fill.tail ? fill.end : fill.data_end;
  if (end - begin > kMaxCopy) {
    const Result<> head = co_await CopyOld(begin, fill.at, begin + shift);
    CO_TRY(head);
    const Result<> written = co_await data().Write(fill.at + shift, src, {});
    CO_TRY(written);
    const Result<> tail = co_await CopyOld(fill.data_end, end, fill.data_end + shift);
    co_return tail;
  }
  const Buffer buffer = AioContext::Current().buffers().Get(end - begin);
  const IoVec whole = buffer.vec().First(end - begin);
  if (fill.head) {
    const Result<> head = co_await reader_.ReadGuest(begin, whole.First(fill.at - begin));
    CO_TRY(head);
  }
  if (fill.tail) {
    const Result<> tail =
        co_await reader_.ReadGuest(fill.data_end, whole.From(fill.data_end - begin));
    CO_TRY(tail);
  }
  src.CopyTo(buffer.data() + (fill.at - begin));
  const Result<> written = co_await data().Write(begin + shift, whole, {});
  co_return written;
}

Task<Result<>> Writer::CopyOld(std::uint64_t guest, std::uint64_t end, std::uint64_t host) {
  if (guest == end) {
    co_return Ok();
  }
  const std::uint64_t most = std::min(end - guest, kMaxCopy);
  const Buffer buffer = AioContext::Current().buffers().Get(most);
  while (guest < end) {
    const IoVec piece = buffer.vec().First(std::min(end - guest, most));
    const Result<> read = co_await reader_.ReadGuest(guest, piece);
    CO_TRY(read);
    const Result<> written = co_await data().Write(host, piece, {});
    CO_TRY(written);
    guest += piece.size;
    host += piece.size;
  }
  co_return Ok();
}

// From here on the new clusters are what is read.
Task<Result<>> Writer::SetEntries(const Placement& placement, const Fill& fill) {
  CO_ASSIGN(const TableCache::Pin slice, co_await map_.PinSlice(placement.begin));
  const std::uint64_t cluster_size = layout().cluster_size();
  for (std::uint64_t i = 0; i < placement.count; ++i) {
    const std::uint64_t cluster = placement.begin + i * cluster_size;
    const Result<L2Entry, Fault> old = map_.Entry(slice, cluster);
    FB_ASSERT(old.ok());
    const std::uint32_t mask = UnitMask(cluster, fill.begin, fill.end);
    L2Entry entry;
    entry.has_host = true;
    entry.copied = true;
    entry.host_offset = placement.host + i * cluster_size;
    entry.allocated = mask | (placement.reuse && !old->compressed ? old->allocated : 0);
    entry.zero = (old->compressed ? 0 : old->zero) & ~entry.allocated;
    map_.SetEntry(slice, cluster, entry);
  }
  co_return Ok();
}

}  // namespace fusebay::qcow2
