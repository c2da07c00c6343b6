// FileNode: where the file has holes, by lseek(2).
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/aio_context.h"
#include "file_node.h"

namespace fusebay {

Task<Result<BlockStatus>> FileNode::DoStatus(std::uint64_t offset, std::uint64_t length) {
  if (config_.is_device) {
    return Result<BlockStatus>{StatusAt(offset, length, true)};
  }
  const std::optional<BlockStatus> known = KnownStatus(offset, length);
  if (known.has_value()) {
    return Result<BlockStatus>{*known};
  }
  return FindStatus(offset, length);
}

BlockStatus FileNode::StatusAt(std::uint64_t offset, std::uint64_t length, bool data) {
  return {length, data, !data, true, 0, this, offset};
}

std::optional<BlockStatus> FileNode::KnownStatus(std::uint64_t offset, std::uint64_t length) {
  const std::lock_guard guard(known_mutex_);
  if (known_.generation != generation_.load(std::memory_order_acquire) || offset < known_.begin ||
      offset >= known_.end) {
    return std::nullopt;
  }
  return StatusAt(offset, std::min(length, known_.end - offset), known_.data);
}

// The generation is read before the file system is asked: a run that a write has overtaken is never
// taken for known.
Task<Result<BlockStatus>> FileNode::FindStatus(std::uint64_t offset, std::uint64_t length) {
  KnownRun run;
  run.generation = generation_.load(std::memory_order_acquire);
  const Result<> r = co_await AioContext::Current().RunBlocking(
      [this, offset, &run] { return FindRun(offset, run); });
  CO_TRY(r);
  run.end = std::min(run.end, size());
  FB_ASSERT(offset < run.end);
  {
    const std::lock_guard guard(known_mutex_);
    known_ = run;
  }
  co_return StatusAt(offset, std::min(length, run.end - offset), run.data);
}

// Called on a worker thread. A file system without holes answers "all data"; past the end of a file
// that was cut short there is only a hole.
Result<> FileNode::FindRun(std::uint64_t offset, KnownRun& run) const {
  const auto at = static_cast<off_t>(offset);
  run.begin = offset;
  const off_t data = lseek(fd_.get(), at, SEEK_DATA);
  if (data < 0 && errno == ENXIO) {
    run.end = kMaxSize;
    return Ok();
  }
  if (data > at) {
    run.end = static_cast<std::uint64_t>(data);
    return Ok();
  }
  run.data = true;
  run.end = kMaxSize;
  if (data < 0) {
    return errno == EINVAL || errno == EOPNOTSUPP ? Ok() : Result<>{Errno{errno}};
  }
  const off_t hole = lseek(fd_.get(), at, SEEK_HOLE);
  if (hole > at) {
    run.end = static_cast<std::uint64_t>(hole);
  }
  return Ok();
}

}  // namespace fusebay
