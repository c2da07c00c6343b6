// The narrow waist: every request to a node is checked against the contract here.
#include "block/block_node.h"

#include "base/align.h"
#include "block/graph_watch.h"

namespace fusebay {

namespace {

// The range lies inside the node and suits its driver.
void CheckRange(const BlockNode& node, std::uint64_t offset, std::uint64_t length) {
  const BlockLimits& limits = node.limits();
  FB_ASSERT(IsAligned(offset | length, limits.request_alignment));
  const std::uint64_t end = AlignUp(node.size(), limits.request_alignment);
  FB_ASSERT(offset <= end);
  FB_ASSERT(length <= end - offset);
}

void CheckTransfer(const BlockNode& node, std::uint64_t offset, const IoVec& data) {
  CheckRange(node, offset, data.size);
  FB_ASSERT(data.size > 0);
  FB_ASSERT(data.size <= node.limits().max_transfer);
  FB_ASSERT(node.limits().memory_alignment == 1 ||
            data.IsMemoryAligned(node.limits().memory_alignment));
}

}  // namespace

std::uint64_t BlockNode::write_threshold() const {
  const std::uint64_t threshold = write_threshold_.load();
  return threshold == kNoThreshold ? 0 : threshold;
}

void BlockNode::set_write_threshold(std::uint64_t bytes) {
  write_threshold_.store(bytes == 0 ? kNoThreshold : bytes);
}

// Several loops may come here at once, and the threshold may be a new one by now.
void BlockNode::TellOfWrite(std::uint64_t end) {
  std::uint64_t threshold = write_threshold_.load();
  while (end > threshold) {
    if (!write_threshold_.compare_exchange_weak(threshold, kNoThreshold)) {
      continue;
    }
    if (watch_ != nullptr) {
      watch_->Tell(WriteAboveThreshold{node_name_, end - threshold, threshold});
    }
    return;
  }
}

Task<Result<>> BlockNode::Read(std::uint64_t offset, IoVec dst) {
  CheckTransfer(*this, offset, dst);
  return DoRead(offset, dst);
}

Task<Result<>> BlockNode::Write(std::uint64_t offset, IoVec src, WriteFlags flags) {
  CheckTransfer(*this, offset, src);
  FB_ASSERT(!read_only_);
  FB_ASSERT(!flags.compressed || can_compress_);
  LookAtThreshold(offset + src.size);
  if (detect_zeroes_ != DetectZeroes::kOff && src.IsZero()) [[unlikely]] {
    return WriteAsZeroes(offset, src, flags);
  }
  return DoWrite(offset, src, flags);
}

Task<Result<>> BlockNode::WriteAsZeroes(std::uint64_t offset, IoVec src, WriteFlags flags) {
  const ZeroFlags zero_flags{
      .may_unmap = detect_zeroes_ == DetectZeroes::kUnmap,
      .no_fallback = false,
      .fua = flags.fua,
  };
  const Result<> zeroed = co_await DoWriteZeroes(offset, src.size, zero_flags);
  if (zeroed.ok() || zeroed.error() != Errno{ENOTSUP}) {
    co_return zeroed;
  }
  const Result<> written = co_await DoWrite(offset, src, flags);
  co_return written;
}

Task<Result<>> BlockNode::WriteZeroes(std::uint64_t offset, std::uint64_t length, ZeroFlags flags) {
  CheckRange(*this, offset, length);
  FB_ASSERT(length > 0);
  FB_ASSERT(!read_only_);
  LookAtThreshold(offset + length);
  return DoWriteZeroes(offset, length, flags);
}

Task<Result<>> BlockNode::Discard(std::uint64_t offset, std::uint64_t length) {
  CheckRange(*this, offset, length);
  FB_ASSERT(length > 0);
  FB_ASSERT(!read_only_);
  return DoSpace(offset, length, /*allocate=*/false);
}

Task<Result<>> BlockNode::Allocate(std::uint64_t offset, std::uint64_t length) {
  CheckRange(*this, offset, length);
  FB_ASSERT(length > 0);
  FB_ASSERT(!read_only_);
  return DoSpace(offset, length, /*allocate=*/true);
}

Task<Result<>> BlockNode::Flush(FlushMode mode) {
  if (read_only_) {
    return Ok();
  }
  return DoFlush(mode);
}

Task<Result<BlockStatus>> BlockNode::Status(std::uint64_t offset, std::uint64_t length) {
  FB_ASSERT(length > 0);
  FB_ASSERT(offset < size());
  return DoStatus(offset, length);
}

Task<Result<>> BlockNode::Truncate(std::uint64_t size, Prealloc prealloc) {
  FB_ASSERT(!read_only_);
  if (size > kMaxSize) {
    return Result<>{Errno{EFBIG}};
  }
  return DoTruncate(size, prealloc);
}

Task<Result<std::uint64_t>> BlockNode::AllocatedSize() { return DoAllocatedSize(); }

Task<Result<ImageInfo, Error>> BlockNode::Info() { return DoInfo(); }

Task<Result<>> BlockNode::Close() { return DoClose(); }

Task<Result<ImageInfo, Error>> BlockNode::DoInfo() {
  ImageInfo info;
  info.filename = node_name_;
  info.format = std::string(driver_name_);
  info.virtual_size = size();
  info.cluster_size = limits_.cluster_size;
  const Result<std::uint64_t> allocated = co_await DoAllocatedSize();
  if (allocated.ok()) {
    info.actual_size = *allocated;
  }
  co_return info;
}

}  // namespace fusebay
