// CompressBatch: compresses the clusters of one write, several at a time, on worker threads.
#pragma once
#include <vector>

#include "core/aio_context.h"
#include "qcow2/qcow2_compress.h"

namespace fusebay::qcow2 {

class CompressBatch {
 public:
  // Workers that one batch asks for, at most, and what each does at least.
  static constexpr std::size_t kMaxJobs = 8;
  static constexpr std::size_t kMinJobBytes = 32 * kKiB;
  // As much is compressed on the loop: that takes no longer than a stall may.
  static constexpr std::size_t kMaxInlineBytes = 4 * kKiB;

  enum class Kind : std::uint8_t { kPlain, kZero, kCompressed };

  // Bytes of whole clusters that one batch takes at most.
  static std::uint64_t MaxBytes(std::uint64_t cluster_size) {
    return std::max<std::uint64_t>(cluster_size, 1 * kMiB);
  }

  // `src`: clusters, of which the last may be shorter, with zeroes behind it. It outlives this.
  // `finds_zeroes`: clusters without data are kZero.
  CompressBatch(Compression type, std::uint32_t cluster_size, bool finds_zeroes, IoVec src);
  CompressBatch(const CompressBatch&) = delete;
  CompressBatch& operator=(const CompressBatch&) = delete;

  // Once. Errors are those of RunBlocking.
  Task<Result<>> Run();

  // Of clusters that have been compressed. kPlain: it would not be smaller.
  std::size_t count() const { return kinds_.size(); }
  Kind kind(std::size_t index) const { return kinds_[index]; }
  std::size_t SameFrom(std::size_t index) const;  // clusters of that kind, one after the other
  // REQUIRES: all are kCompressed.
  std::span<const ByteSpan> Compressed(std::size_t first, std::size_t count) const {
    return std::span(compressed_).subspan(first, count);
  }

 private:
  Task<Unit> RunJob(std::size_t first, std::size_t end);
  void Compress(std::size_t first, std::size_t end);
  Kind CompressOne(Compressor& compressor, std::size_t index);

  const Compression type_;
  const std::uint32_t cluster_size_;
  const bool finds_zeroes_;
  const IoVec src_;
  std::vector<Kind> kinds_;
  std::vector<ByteSpan> compressed_;
  Buffer plain_;   // a copy: what is compressed does not change meanwhile
  Buffer packed_;  // a cluster's place for each
  Result<> result_ = Ok();
};

}  // namespace fusebay::qcow2
