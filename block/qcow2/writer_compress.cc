// Writer: compressed writes. Their data is packed into host clusters that several share; otherwise
// they are like writes that need new clusters.
#include <algorithm>

#include "base/align.h"
#include "core/aio_context.h"
#include "qcow2/compress_batch.h"
#include "qcow2/writer.h"

namespace fusebay::qcow2 {

namespace {

constexpr ZeroFlags kUnmap{.may_unmap = true};
constexpr std::size_t kMaxPieces = 256;  // of one write

}  // namespace

// How much from `at` on is whole clusters, up to what is compressed together; 0: not even one.
std::uint64_t Writer::WholeClusters(std::uint64_t at, std::uint64_t length,
                                    std::uint64_t size) const {
  if (!IsAligned(at, layout().cluster_size())) {
    return 0;
  }
  const std::uint64_t end = at + length;
  const std::uint64_t whole_end = end == size ? end : ClusterDown(end);
  return std::min(whole_end - at, CompressBatch::MaxBytes(layout().cluster_size()));
}

Task<Result<>> Writer::WriteCompressed(std::uint64_t offset, IoVec src, WriteFlags flags,
                                       std::uint64_t size) {
  FB_ASSERT(!image_.data_file);
  const Result<> begun = co_await Begin();
  CO_TRY(begun);
  Result<> result = Ok();
  std::size_t done = 0;
  while (done < src.size && result.ok()) {
    const std::uint64_t at = offset + done;
    std::uint64_t length = WholeClusters(at, src.size - done, size);
    if (length != 0) {
      result = co_await WriteBatch(at, src.Slice(done, length), size);
    } else {
      length = std::min(src.size - done, ClusterDown(at) + layout().cluster_size() - at);
      result = co_await Write(at, src.Slice(done, length), {});
    }
    done += length;
  }
  if (result.ok() && flags.fua) {
    result = co_await Flush(FlushMode::kDisk);
  }
  const Result<> checked = co_await Failed(result);
  co_return checked;
}

Task<Result<>> Writer::WriteBatch(std::uint64_t at, IoVec src, std::uint64_t size) {
  const bool has_zeroes = layout().has_zero_flag || !image_.backing;
  const auto batch = std::make_unique<CompressBatch>(image_.header.compression,
                                                     image_.header.cluster_size(), has_zeroes, src);
  Result<> result = co_await batch->Run();
  std::size_t next = 0;
  while (next < batch->count() && result.ok()) {
    const std::uint64_t begin = next * layout().cluster_size();
    const std::uint64_t slice_left = map_.slice_span() - (at + begin) % map_.slice_span();
    const std::size_t count =
        std::min<std::size_t>(batch->SameFrom(next), slice_left >> layout().cluster_bits);
    const std::uint64_t length =
        std::min<std::uint64_t>(count * layout().cluster_size(), src.size - begin);
    switch (batch->kind(next)) {
      case CompressBatch::Kind::kZero:
        result = co_await WriteZeroes(at + begin, length, kUnmap, size);
        break;
      case CompressBatch::Kind::kCompressed:
        result = co_await StoreRun(at + begin, batch->Compressed(next, count));
        break;
      case CompressBatch::Kind::kPlain:
        result = co_await Write(at + begin, src.Slice(begin, length), {});
        break;
    }
    next += count;
    co_await AioContext::Current().Yield();  // of small clusters there are many
  }
  co_return result;
}

// Clusters of one slice, from `at` on.
Task<Result<>> Writer::StoreRun(std::uint64_t at, std::span<const ByteSpan> clusters) {
  const Result<> room = co_await KeepBounded();
  CO_TRY(room);
  const std::uint64_t end = at + clusters.size() * layout().cluster_size();
  RangeLock::Hold hold(ranges_, at, end, RangeLock::Mode::kExclusive);
  co_await hold.Acquire();
  const Result<> ensured = co_await EnsureTable(at);
  CO_TRY(ensured);
  const Result<> good = co_await CheckEntries(at, clusters.size());
  CO_TRY(good);
  std::vector<std::uint64_t> places;
  Result<> result = co_await Place(clusters, places);
  if (result.ok()) {
    result = co_await WritePacked(clusters, places);
  }
  if (result.ok()) {
    result = co_await SetCompressed(at, clusters, places);
  }
  if (!result.ok()) {
    co_await Unplace(clusters, places);
  }
  co_return result;
}

// Whether all that is to be replaced can be told from the table.
Task<Result<>> Writer::CheckEntries(std::uint64_t at, std::size_t count) {
  CO_ASSIGN(const TableCache::Pin slice, co_await map_.PinSlice(at));
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t cluster = at + i * layout().cluster_size();
    const Result<L2Entry, Fault> entry = map_.Entry(slice, cluster);
    if (!entry.ok()) {
      map_.ReportFault(cluster, entry.error());
      co_return Errno{EIO};
    }
  }
  co_return Ok();
}

// Whatever happens, `places` has what has been taken.
Task<Result<>> Writer::Place(std::span<const ByteSpan> clusters,
                             std::vector<std::uint64_t>& places) {
  places.reserve(clusters.size());
  for (const ByteSpan& cluster : clusters) {
    CO_ASSIGN(const std::uint64_t place, co_await allocator_.AllocateBytes(cluster.size()));
    places.push_back(place);
    const auto descriptor =
        DescriptorOf(layout().cluster_bits, {place, static_cast<std::uint32_t>(cluster.size())});
    if (!descriptor.has_value()) {
      co_return Errno{EFBIG};
    }
    if (!reader_.ForgetCompressed(*descriptor)) {
      co_return Errno{EIO};
    }
  }
  co_return Ok();
}

// Neighbours with one write.
Task<Result<>> Writer::WritePacked(std::span<const ByteSpan> clusters,
                                   std::span<const std::uint64_t> places) {
  std::vector<iovec> pieces;
  std::size_t next = 0;
  while (next < clusters.size()) {
    const std::uint64_t offset = places[next];
    std::size_t bytes = 0;
    pieces.clear();
    while (next < clusters.size() && places[next] == offset + bytes && pieces.size() < kMaxPieces) {
      const ByteSpan piece = clusters[next];
      pieces.push_back({const_cast<std::byte*>(piece.data()), piece.size()});
      bytes += piece.size();
      ++next;
    }
    const Result<> written = co_await data().Write(offset, IoVec{pieces, 0, bytes}, {});
    CO_TRY(written);
  }
  co_return Ok();
}

// From here on the compressed clusters are what is read.
Task<Result<>> Writer::SetCompressed(std::uint64_t at, std::span<const ByteSpan> clusters,
                                     std::span<const std::uint64_t> places) {
  CO_ASSIGN(const TableCache::Pin slice, co_await map_.PinSlice(at));
  for (std::size_t i = 0; i < clusters.size(); ++i) {
    const auto length = static_cast<std::uint32_t>(clusters[i].size());
    L2Entry entry;
    entry.compressed = true;
    entry.descriptor = *DescriptorOf(layout().cluster_bits, {places[i], length});
    map_.SetEntry(slice, at + i * layout().cluster_size(), entry);
  }
  co_return Ok();
}

// Gives back what was taken: nothing refers to it yet.
Task<Unit> Writer::Unplace(std::span<const ByteSpan> clusters,
                           std::span<const std::uint64_t> places) {
  for (std::size_t i = 0; i < places.size(); ++i) {
    const std::uint64_t begin = ClusterDown(places[i]);
    const std::uint64_t end = ClusterUp(places[i] + clusters[i].size());
    const Result<> released =
        co_await allocator_.Release(begin, (end - begin) >> layout().cluster_bits);
    static_cast<void>(released);  // leaked at worst; the first error counts
  }
  co_return Unit{};
}

}  // namespace fusebay::qcow2
