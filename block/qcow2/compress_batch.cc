// Deals clusters out to worker threads and tells zeroes and what does not get smaller apart.
#include "qcow2/compress_batch.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "core/scope.h"

namespace fusebay::qcow2 {

CompressBatch::CompressBatch(Compression type, std::uint32_t cluster_size, bool finds_zeroes,
                             IoVec src)
    : type_(type),
      cluster_size_(cluster_size),
      finds_zeroes_(finds_zeroes),
      src_(src),
      kinds_((src.size + cluster_size - 1) / cluster_size, Kind::kPlain),
      compressed_(kinds_.size()) {
  FB_ASSERT(src.size > 0 && src.size <= MaxBytes(cluster_size));
}

Task<Result<>> CompressBatch::Run() {
  BufferPool& buffers = AioContext::Current().buffers();
  plain_ = buffers.Get(count() * cluster_size_);
  packed_ = buffers.Get(count() * cluster_size_);
  if (src_.size <= kMaxInlineBytes) {
    Compress(0, count());
    co_return Ok();
  }
  const std::size_t per_job =
      std::max<std::size_t>({1, kMinJobBytes / cluster_size_, (count() + kMaxJobs - 1) / kMaxJobs});
  TaskScope jobs;
  for (std::size_t first = 0; first < count(); first += per_job) {
    jobs.Spawn(RunJob(first, std::min(first + per_job, count())));
  }
  co_await jobs.Join();
  co_return result_;
}

Task<Unit> CompressBatch::RunJob(std::size_t first, std::size_t end) {
  const Result<> done = co_await AioContext::Current().RunBlocking([this, first, end] {
    Compress(first, end);
    return Ok();
  });
  if (!done.ok()) {
    result_ = done;
  }
  co_return Unit{};
}

void CompressBatch::Compress(std::size_t first, std::size_t end) {
  Compressor compressor(type_);
  for (std::size_t index = first; index < end; ++index) {
    kinds_[index] = CompressOne(compressor, index);
  }
}

CompressBatch::Kind CompressBatch::CompressOne(Compressor& compressor, std::size_t index) {
  const std::size_t at = index * cluster_size_;
  const std::size_t there = std::min<std::size_t>(cluster_size_, src_.size - at);
  const MutableByteSpan cluster(plain_.data() + at, cluster_size_);
  src_.Slice(at, there).CopyTo(cluster.data());
  std::memset(cluster.data() + there, 0, cluster_size_ - there);
  if (finds_zeroes_ && IsZero(cluster)) {
    return Kind::kZero;
  }
  const MutableByteSpan room(packed_.data() + at, cluster_size_ - 1);
  const std::size_t bytes = compressor.Compress(cluster, room);
  compressed_[index] = room.first(bytes);
  return bytes == 0 ? Kind::kPlain : Kind::kCompressed;
}

std::size_t CompressBatch::SameFrom(std::size_t index) const {
  std::size_t end = index + 1;
  while (end < count() && kinds_[end] == kinds_[index]) {
    ++end;
  }
  return end - index;
}

}  // namespace fusebay::qcow2
