// FileNode: zeroes, holes and allocation, by fallocate(2). What a file system cannot do is
// remembered, so that it is asked once only.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/align.h"
#include "core/aio_context.h"
#include "file_node.h"

namespace fusebay {

namespace {

constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
constexpr int kZero = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
constexpr int kAllocate = FALLOC_FL_KEEP_SIZE;

bool IsNotSupported(const Result<>& r) { return !r.ok() && r.error() == Errno{ENOTSUP}; }

}  // namespace

// EINVAL and EPERM mean this range or this file, not the file system.
Task<Result<>> FileNode::FallocateIf(std::atomic<bool>& supported, int mode, std::uint64_t offset,
                                     std::uint64_t length) {
  if (!supported.load(std::memory_order_relaxed)) {
    co_return Errno{ENOTSUP};
  }
  std::int32_t n = -EINTR;
  for (unsigned i = 0; i < kMaxRetries && (n == -EINTR || n == -EAGAIN); ++i) {
    n = co_await AioContext::Current().Fallocate(fd_.get(), static_cast<std::uint32_t>(mode),
                                                 offset, length, EngineHere());
  }
  if (n == -EOPNOTSUPP || n == -ENOSYS || n == -ENODEV || n == -ENOTTY) {
    supported.store(false, std::memory_order_relaxed);
    co_return Errno{ENOTSUP};
  }
  if (n == -EINVAL || n == -EPERM) {
    co_return Errno{ENOTSUP};
  }
  if (n < 0) {
    co_return Errno{-n};
  }
  co_return Ok();
}

Task<Result<>> FileNode::DoWriteZeroes(std::uint64_t offset, std::uint64_t length,
                                       ZeroFlags flags) {
  length = std::min(length, size() - std::min(size(), offset));
  if (length == 0) {
    co_return Ok();
  }
  if (config_.is_device && !IsAligned(offset | length, config_.block_size)) {
    co_return Errno{ENOTSUP};
  }
  const Result<> r = co_await ZeroRange(offset, length, flags.may_unmap && config_.discard_unmap);
  Changed();
  if (!r.ok() || !flags.fua) {
    co_return r;
  }
  const Result<> flushed = co_await DoFlush(FlushMode::kDisk);
  co_return flushed;
}

Task<Result<>> FileNode::ZeroRange(std::uint64_t offset, std::uint64_t length, bool unmap) {
  if (unmap) {
    const Result<> punched = co_await FallocateIf(can_punch_, kPunch, offset, length);
    if (!IsNotSupported(punched)) {
      co_return punched;
    }
  }
  const Result<> zeroed = co_await FallocateIf(can_zero_, kZero, offset, length);
  if (!IsNotSupported(zeroed) || config_.is_device || !can_allocate_.load()) {
    co_return zeroed;
  }
  const Result<> punched = co_await FallocateIf(can_punch_, kPunch, offset, length);
  CO_TRY(punched);
  const Result<> allocated = co_await FallocateIf(can_allocate_, kAllocate, offset, length);
  co_return allocated;
}

Task<Result<>> FileNode::DoSpace(std::uint64_t offset, std::uint64_t length, bool allocate) {
  length = std::min(length, size() - std::min(size(), offset));
  if (length == 0) {
    return Ok();
  }
  if (allocate) {
    return config_.is_device ? Task<Result<>>(Errno{ENOTSUP})
                             : FallocateIf(can_allocate_, kAllocate, offset, length);
  }
  if (!config_.discard_unmap) {
    return Ok();
  }
  return config_.is_device ? DiscardDevice(offset, length) : PunchHole(offset, length);
}

Task<Result<>> FileNode::PunchHole(std::uint64_t offset, std::uint64_t length) {
  const Result<> r = co_await FallocateIf(can_punch_, kPunch, offset, length);
  Changed();
  co_return r;
}

Task<Result<>> FileNode::DiscardDevice(std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t begin = AlignUp(offset, config_.block_size);
  const std::uint64_t end = AlignDown(offset + length, config_.block_size);
  if (begin >= end || !can_punch_.load(std::memory_order_relaxed)) {
    co_return Ok();
  }
  std::array<std::uint64_t, 2> range{begin, end - begin};
  const int fd = fd_.get();
  const Result<> r = co_await AioContext::Current().RunBlocking([fd, &range]() -> Result<> {
    if (ioctl(fd, BLKDISCARD, range.data()) != 0) {
      return Errno{errno};
    }
    return Ok();
  });
  Changed();
  if (!r.ok() && (r.error() == Errno{EOPNOTSUPP} || r.error() == Errno{ENOTTY})) {
    can_punch_.store(false, std::memory_order_relaxed);
    co_return Errno{ENOTSUP};
  }
  co_return r;
}

}  // namespace fusebay
