// Reads compressed clusters through a small cache, inflating on worker threads.
#include "qcow2/qcow2_inflater.h"

#include <fmt/format.h>

#include <algorithm>

#include "qcow2/qcow2_compress.h"

namespace fusebay::qcow2 {

namespace {

std::size_t ClustersKept(std::size_t cluster_size) {
  return std::clamp<std::size_t>(Inflater::kMaxBytes / cluster_size, 1, Inflater::kMaxClusters);
}

struct InflateJob {
  Compression type;
  ByteSpan compressed;
  MutableByteSpan cluster;
  Result<> Run() const { return Inflate(type, compressed, cluster); }
};

// All of `vec` if it is one piece, else nothing.
MutableByteSpan AsOnePiece(const IoVec& vec) {
  MutableByteSpan piece;
  vec.ForEach([&piece](std::byte* p, std::size_t n) { piece = {p, n}; });
  return piece.size() == vec.size ? piece : MutableByteSpan();
}

}  // namespace

Inflater::Inflater(const BlockRef& file, const Header& header, std::string filename)
    : file_(file),
      cluster_bits_(header.cluster_bits),
      type_(header.compression),
      filename_(std::move(filename)),
      clusters_(*this, header.cluster_size(), ClustersKept(header.cluster_size())) {}

Task<Result<>> Inflater::Read(Run run, IoVec dst) {
  TableCache::Pin cluster = clusters_.TryPin(run.descriptor);
  if (!cluster) {
    // All of it, into one piece: needs no copy and pushes nothing out of the cache.
    if (const MutableByteSpan whole = AsOnePiece(dst); whole.size() == clusters_.block_bytes()) {
      const Result<> loaded = co_await Load(run.descriptor, whole);
      co_return loaded;
    }
    Result<TableCache::Pin> got = co_await clusters_.Get(run.descriptor);
    if (!got.ok()) {
      co_return got.error();
    }
    cluster = std::move(*got);
  }
  dst.CopyFrom(cluster.data() + run.offset_in_cluster);
  co_return Ok();
}

Task<Result<>> Inflater::Load(std::uint64_t descriptor, MutableByteSpan dst) {
  const CompressedPlace place = PlaceOf(cluster_bits_, descriptor);
  const std::uint64_t file_size = file_.size();
  if (place.offset >= file_size) {
    ReportDamage(place.offset, Errno{EIO});
    co_return Errno{EIO};
  }
  AioContext& loop = AioContext::Current();
  const std::size_t length = std::min<std::uint64_t>(place.length, file_size - place.offset);
  const Buffer buffer = loop.buffers().Get(length);
  const Result<> read = co_await file_.Read(place.offset, buffer.vec().First(length));
  if (!read.ok()) {
    co_return read;
  }
  const InflateJob job{type_, {buffer.data(), length}, dst};
  if (dst.size() <= kMaxInlineBytes) {
    const Result<> inflated = job.Run();
    if (!inflated.ok()) {
      ReportDamage(place.offset, inflated.error());
    }
    co_return inflated;
  }
  const Result<> inflated = co_await loop.RunBlocking([&job] { return job.Run(); });
  if (!inflated.ok()) {
    ReportDamage(place.offset, inflated.error());
  }
  co_return inflated;
}

void Inflater::ReportDamage(std::uint64_t offset, Errno cause) {
  if (cause == Errno{EIO} && log_limit_.Allow()) {
    LogError(fmt::format("{}: the compressed cluster at {:#x} is damaged", filename_, offset));
  }
}

}  // namespace fusebay::qcow2
