// Writer: zeroes and discards. Both only change the map, where whole units are meant.
#include <algorithm>

#include "base/align.h"
#include "core/aio_context.h"
#include "qcow2/writer.h"

namespace fusebay::qcow2 {

namespace {

constexpr ZeroFlags kUnmap{.may_unmap = true};

}  // namespace

// A range that ends where the disk ends means the rest of the last unit, too.
Task<Result<>> Writer::WriteZeroes(std::uint64_t offset, std::uint64_t length, ZeroFlags flags,
                                   std::uint64_t size) {
  if (!layout().has_zero_flag && image_.backing) {
    co_return Errno{ENOTSUP};
  }
  const Result<> begun = co_await Begin();
  CO_TRY(begun);
  const std::uint64_t unit = std::uint64_t{1} << layout().unit_bits;
  const std::uint64_t end = offset + length;
  const std::uint64_t whole_begin = AlignUp(offset, unit);
  const std::uint64_t whole_end = end == size ? AlignUp(end, unit) : AlignDown(end, unit);
  Result<> result = Ok();
  if (whole_begin >= whole_end) {
    result = co_await ZeroEdge(offset, end);
  } else {
    result = co_await ZeroEdge(offset, whole_begin);
    if (result.ok()) {
      result = co_await ZeroUnits(whole_begin, whole_end, flags, Clearing::kZero);
    }
    if (result.ok() && whole_end < end) {
      result = co_await ZeroEdge(whole_end, end);
    }
  }
  if (result.ok() && flags.fua) {
    result = co_await Flush(FlushMode::kDisk);
  }
  const Result<> checked = co_await Failed(result);
  co_return checked;
}

// Without a backing image an unallocated cluster reads as zeroes, in version 2, too; with one, a
// version 2 image keeps its data.
Task<Result<>> Writer::Discard(std::uint64_t offset, std::uint64_t length, std::uint64_t size) {
  const std::uint64_t end = offset + length;
  const std::uint64_t begin = ClusterUp(offset);
  const std::uint64_t whole_end = end == size ? ClusterUp(end) : ClusterDown(end);
  if (begin >= whole_end || (!layout().has_zero_flag && image_.backing)) {
    co_return Ok();
  }
  const Result<> begun = co_await Begin();
  CO_TRY(begun);
  const Result<> result = co_await ZeroUnits(begin, whole_end, kUnmap, Clearing::kDiscard);
  const Result<> checked = co_await Failed(result);
  co_return checked;
}

// Part of a unit: written, unless it reads as zeroes already.
Task<Result<>> Writer::ZeroEdge(std::uint64_t begin, std::uint64_t end) {
  while (begin < end) {
    CO_ASSIGN(const Run run, co_await map_.Find(begin, end - begin));
    const bool is_zero =
        run.kind == Run::Kind::kZero || (run.kind == Run::Kind::kUnallocated &&
                                         (!image_.backing || begin >= image_.backing.size()));
    if (!is_zero) {
      const Buffer zeroes = AioContext::Current().buffers().Get(run.length);
      const IoVec whole = zeroes.vec().First(run.length);
      whole.Fill(std::byte{0});
      const Result<> written = co_await Write(begin, whole, {});
      CO_TRY(written);
    }
    begin += run.length;
  }
  co_return Ok();
}

// Whether there is no table for any of it, and nothing below either: then it has no data at all.
bool Writer::IsSilent(std::uint64_t begin, std::uint64_t end) {
  const ClusterMap::Found found = map_.TryFind(begin, end - begin);
  return !image_.backing && found.state == ClusterMap::Found::State::kRun &&
         found.run.kind == Run::Kind::kUnallocated && found.run.length == end - begin;
}

Task<Result<>> Writer::ZeroUnits(std::uint64_t begin, std::uint64_t end, ZeroFlags flags,
                                 Clearing clearing) {
  if (clearing != Clearing::kForget && image_.data_file && (HasRawData() || flags.may_unmap) &&
      begin < data().size()) {
    const std::uint64_t there = std::min(end, data().size()) - begin;
    const Result<> zeroed = co_await data().WriteZeroes(begin, there, flags);
    CO_TRY(zeroed);
  }
  while (begin < end) {
    const std::uint64_t slice_end = AlignDown(begin, map_.slice_span()) + map_.slice_span();
    const std::uint64_t part_end = std::min(end, slice_end);
    if (!IsSilent(begin, part_end)) {
      const Result<> room = co_await KeepBounded();
      CO_TRY(room);
      CO_ASSIGN(const std::uint64_t done, co_await ZeroInSlice(begin, part_end, flags, clearing));
      begin = done;
      if (begin < part_end) {  // a cluster that has to be written
        const std::uint64_t written_end =
            std::min(part_end, ClusterDown(begin) + layout().cluster_size());
        const Result<> written = co_await ZeroEdge(begin, written_end);
        CO_TRY(written);
        begin = written_end;
      }
    } else {
      begin = part_end;
    }
  }
  co_return Ok();
}

// Returns where it has ended: before a cluster that the map alone cannot make zeroes, or at `end`.
Task<Result<std::uint64_t>> Writer::ZeroInSlice(std::uint64_t begin, std::uint64_t end,
                                                ZeroFlags flags, Clearing clearing) {
  RangeLock::Hold hold(ranges_, ClusterDown(begin), ClusterUp(end), RangeLock::Mode::kExclusive);
  co_await hold.Acquire();
  const Result<> ensured = co_await EnsureTable(begin);
  CO_TRY(ensured);
  CO_ASSIGN(const TableCache::Pin slice, co_await map_.PinSlice(begin));
  while (begin < end) {
    const std::uint64_t cluster = ClusterDown(begin);
    const std::uint64_t part_end = std::min(end, cluster + layout().cluster_size());
    const Result<L2Entry, Fault> old = map_.Entry(slice, cluster);
    if (!old.ok()) {
      map_.ReportFault(cluster, old.error());
      co_return Errno{EIO};
    }
    const bool has_data = old->compressed || old->has_host;
    if (clearing == Clearing::kForget) {
      map_.SetEntry(slice, cluster, L2Entry());
    } else if (has_data || clearing == Clearing::kZero) {
      const std::optional<L2Entry> zeroed = Zeroed(*old, UnitMask(cluster, begin, part_end), flags);
      if (!zeroed.has_value()) {
        co_return begin;
      }
      map_.SetEntry(slice, cluster, *zeroed);
    }
    begin = part_end;
  }
  co_return begin;
}

// The entry with the units of `mask` zero, if there is one without writing anything. The host
// cluster stays where some of it is in use, or where the space is to be kept.
std::optional<L2Entry> Writer::Zeroed(const L2Entry& old, std::uint32_t mask,
                                      ZeroFlags flags) const {
  const std::uint32_t all = layout().units() == 32 ? ~std::uint32_t{0} : 1;
  L2Entry entry;
  if (!layout().has_zero_flag) {
    return entry;  // unallocated: there is no backing image
  }
  if (old.compressed && mask != all) {
    return std::nullopt;
  }
  entry.zero = (old.compressed ? 0 : old.zero) | mask;
  entry.allocated = (old.compressed ? 0 : old.allocated) & ~mask;
  if (entry.allocated != 0 && !old.copied) {
    return std::nullopt;
  }
  const bool keeps = old.has_host && old.copied && !old.compressed;
  if (keeps && (entry.allocated != 0 || !flags.may_unmap || image_.data_file)) {
    entry.has_host = true;
    entry.copied = true;
    entry.host_offset = old.host_offset;
  }
  return entry;
}

}  // namespace fusebay::qcow2
