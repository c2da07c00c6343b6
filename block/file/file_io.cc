// FileNode: reading and writing.
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "base/align.h"
#include "core/aio_context.h"
#include "file_node.h"

namespace fusebay {

namespace {

bool IsTransient(std::int32_t result) { return result == -EINTR || result == -EAGAIN; }

}  // namespace

// Which engine to use on this loop: the one asked for, or the loop's own where that is not to be
// had (the file was opened on a loop that has it, but the limits of libaio are system-wide).
std::optional<EngineKind> FileNode::EngineHere() {
  if (!config_.aio.has_value()) {
    return std::nullopt;
  }
  const Result<Unit, Error> r = AioContext::Current().RequireEngine(*config_.aio);
  if (r.ok()) [[likely]] {
    return config_.aio;
  }
  if (warned_.Allow()) {
    LogWarning(config_.filename + ": " + r.error().message);
  }
  return std::nullopt;
}

Task<Result<>> FileNode::DoRead(std::uint64_t offset, IoVec dst) {
  const std::size_t done = ReadNow(offset, dst);
  if (done == dst.size) [[likely]] {
    return Ok();
  }
  return ReadRest(offset + done, dst.From(done));
}

// Reads what is in the page cache; returns how many bytes that was.
std::size_t FileNode::ReadNow(std::uint64_t offset, const IoVec& dst) {
  if (!config_.try_inline || config_.direct || !can_try_read_.load(std::memory_order_relaxed)) {
    return 0;
  }
  IoOp op(IoOp::Kind::kRead, fd_.get());
  op.SetData(dst);
  const ssize_t n = preadv2(fd_.get(), op.iov.data(), static_cast<int>(op.iov.size()),
                            static_cast<off_t>(offset), RWF_NOWAIT);
  if (n < 0 && errno != EAGAIN && errno != EINTR) {
    can_try_read_.store(errno != EOPNOTSUPP && errno != ENOSYS, std::memory_order_relaxed);
  }
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

// A file that somebody has cut short reads as zeroes up to the node's size. An O_DIRECT read that
// ends in the middle of a block has reached the end of the file.
Task<Result<>> FileNode::ReadRest(std::uint64_t offset, IoVec dst) {
  const std::uint64_t end = size();
  const IoVec past_end = dst.From(std::min<std::uint64_t>(dst.size, end - std::min(end, offset)));
  const std::optional<EngineKind> engine = EngineHere();
  unsigned retries = 0;
  while (dst.size > 0 && offset < end) {
    const std::int32_t n = co_await AioContext::Current().Read(fd_.get(), offset, dst, 0, engine);
    if (IsTransient(n) && ++retries <= kMaxRetries) {
      co_await AioContext::Current().Yield();
      continue;
    }
    if (n < 0) {
      co_return Errno{-n};
    }
    if (n == 0) {
      break;
    }
    retries = 0;
    offset += static_cast<std::uint64_t>(n);
    dst = dst.From(static_cast<std::size_t>(n));
    if (config_.direct && !IsAligned(offset, config_.block_size)) {
      break;
    }
  }
  dst.Fill(std::byte{0});
  past_end.Fill(std::byte{0});
  co_return Ok();
}

Task<Result<>> FileNode::DoWrite(std::uint64_t offset, IoVec src, WriteFlags flags) {
  flags.fua = flags.fua && !config_.no_flush;
  const std::size_t done = flags.fua ? 0 : WriteNow(offset, src);
  if (done == src.size) [[likely]] {
    Changed();
    return Ok();
  }
  return WriteRest(offset + done, src.From(done), flags);
}

// Copies into the page cache, while that is quick; returns how many bytes were taken. The engine
// meets any error again, and reports it.
std::size_t FileNode::WriteNow(std::uint64_t offset, const IoVec& src) {
  if (!config_.try_inline || config_.direct) {
    return 0;
  }
  const Clock::time_point begin = Clock::now();
  if (!pace_.IsQuick(begin)) {
    return 0;
  }
  IoOp op(IoOp::Kind::kWrite, fd_.get());
  op.SetData(src);
  const ssize_t n = pwritev2(fd_.get(), op.iov.data(), static_cast<int>(op.iov.size()),
                             static_cast<off_t>(offset), 0);
  pace_.Note(begin, Clock::now(), src.size);
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

// The last block of a file whose size is no multiple of the block size goes through the page cache,
// and only the bytes that exist: so the file never has another size than it should.
Task<Result<>> FileNode::WriteRest(std::uint64_t offset, IoVec src, WriteFlags flags) {
  const std::uint32_t rwf = flags.fua ? RWF_DSYNC : 0;
  const std::uint64_t end = size();
  const std::uint64_t request_end = offset + src.size;
  IoVec whole = src;
  IoVec tail = src.From(src.size);
  if (request_end > end) {
    const std::uint64_t last = std::max(offset, AlignDown(end, config_.block_size));
    whole = src.First(last - offset);
    tail = src.Slice(last - offset, end - last);
  }
  Result<> r = Ok();
  if (whole.size > 0) {
    r = co_await WriteAll(fd_.get(), offset, whole, rwf, EngineHere());
  }
  if (r.ok() && tail.size > 0) {
    FB_ASSERT(tail_fd_.valid());
    r = co_await WriteAll(tail_fd_.get(), offset + whole.size, tail, rwf, std::nullopt);
  }
  Changed();
  co_return r;
}

Task<Result<>> FileNode::WriteAll(int fd, std::uint64_t offset, IoVec src, std::uint32_t rwf,
                                  std::optional<EngineKind> engine) {
  unsigned retries = 0;
  while (src.size > 0) {
    const std::int32_t n = co_await AioContext::Current().Write(fd, offset, src, rwf, engine);
    if (IsTransient(n) && ++retries <= kMaxRetries) {
      co_await AioContext::Current().Yield();
      continue;
    }
    if (n <= 0) {
      co_return Errno{n < 0 ? -n : EIO};
    }
    retries = 0;
    offset += static_cast<std::uint64_t>(n);
    src = src.From(static_cast<std::size_t>(n));
  }
  co_return Ok();
}

namespace {

// Copying takes about this long; what is beyond it was waiting.
constexpr std::int64_t kCopyNsPerByte = 1;
constexpr std::int64_t kSlowWriteNs = 1'000'000;
constexpr std::int64_t kSlowAverageNs = 250'000;
// A pause is short at first, for a slow write may only mean that another thread had the core; it
// doubles when the next write is slow, too.
constexpr std::int64_t kShortestPauseNs = 2'000'000;
constexpr std::int64_t kLongestPauseNs = 256'000'000;

std::int64_t ToNs(Clock::time_point time) {
  return std::chrono::duration_cast<Nanoseconds>(time.time_since_epoch()).count();
}

}  // namespace

bool FileNode::WritePace::IsQuick(Clock::time_point now) const {
  return ToNs(now) >= paused_until_ns_.load(std::memory_order_relaxed);
}

// Several loops may note at once and lose one another's values: the average is a hint.
void FileNode::WritePace::Note(Clock::time_point begin, Clock::time_point end, std::size_t bytes) {
  const std::int64_t copying = static_cast<std::int64_t>(bytes) * kCopyNsPerByte;
  const std::int64_t waited = std::max<std::int64_t>(0, ToNs(end) - ToNs(begin) - copying);
  std::int64_t average = average_ns_.load(std::memory_order_relaxed);
  std::int64_t pause = pause_ns_.load(std::memory_order_relaxed);
  average += (waited - average) / 8;
  if (waited > kSlowWriteNs || average > kSlowAverageNs) {
    pause = std::clamp(pause * 2, kShortestPauseNs, kLongestPauseNs);
    paused_until_ns_.store(ToNs(end) + pause, std::memory_order_relaxed);
    average = 0;
  } else {
    pause -= pause / 8;
  }
  average_ns_.store(average, std::memory_order_relaxed);
  pause_ns_.store(pause, std::memory_order_relaxed);
}

}  // namespace fusebay
