// SingleFileFs: the file's size, its holes and its preallocated space.
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "core/aio_context.h"
#include "core/sync.h"
#include "export/single_file_fs.h"

namespace fusebay {

namespace {

// Clients that hold more than can be written in this time are told that all is data.
constexpr std::chrono::seconds kCollectLimit{5};

// ENOTSUP and EOPNOTSUPP are one number on Linux; the name says what fallocate(2) documents.
Result<> AsFallocate(Result<> r) {
  return !r.ok() && r.error() == Errno{ENOTSUP} ? Errno{EOPNOTSUPP} : r;
}

}  // namespace

Task<Result<>> SingleFileFs::Grow(std::uint64_t size) {
  const CoMutex::Guard guard = co_await ref_.resizing().Lock();
  if (ref_.size() >= size) {
    co_return Ok();  // another request has been faster
  }
  const Result<> grown = co_await ref_.Truncate(size, Prealloc::kOff);
  co_return grown;
}

Task<Result<>> SingleFileFs::Resize(std::uint64_t size) {
  bool grows = false;
  {
    const Gate::Pass pass = co_await ref_.gate().Enter();
    grows = size >= ref_.size();
    if (grows) {
      const Result<> grown = co_await Grow(size);
      CO_TRY(grown);
    }
  }
  if (!grows) {
    // Requests in progress may lie in the part that goes: wait for them, and let none in.
    const BlockGraph::Alone alone = co_await graph_.DrainAlone();
    const Result<> shrunk = co_await ref_.Truncate(size, Prealloc::kOff);
    CO_TRY(shrunk);
  }
  TouchModified();
  co_return Ok();
}

Task<Result<>> SingleFileFs::PunchHole(std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t size = ref_.size();
  if (offset >= size) {
    co_return Ok();
  }
  IoTimer timer(ref_.counters(), IoKind::kUnmap);
  length = std::min(length, size - offset);
  const Result<> punched = co_await ref_.WriteZeroes(
      offset, length, {.may_unmap = true, .no_fallback = true, .fua = options_.writethrough});
  if (punched.ok()) {
    timer.Succeeded(length);
  }
  co_return AsFallocate(punched);
}

Task<Result<>> SingleFileFs::ZeroRange(std::uint64_t offset, std::uint64_t length, bool keep_size) {
  if (!keep_size) {
    const Result<> grown = co_await Grow(offset + length);
    CO_TRY(grown);
  }
  const std::uint64_t size = ref_.size();
  if (offset >= size) {
    co_return Ok();
  }
  IoTimer timer(ref_.counters(), IoKind::kWrite);
  length = std::min(length, size - offset);
  const Result<> zeroed = co_await ref_.WriteZeroes(offset, length, {.fua = options_.writethrough});
  if (zeroed.ok()) {
    timer.Succeeded(length, offset + length);
  }
  co_return AsFallocate(zeroed);
}

Task<Result<>> SingleFileFs::Preallocate(std::uint64_t offset, std::uint64_t length,
                                         bool keep_size) {
  const CoMutex::Guard guard = co_await ref_.resizing().Lock();
  const std::uint64_t size = ref_.size();
  const std::uint64_t end = offset + length;
  if (end > size && keep_size) {
    const std::uint64_t client_size = co_await ClientSize();
    if (end > client_size) {
      co_return Errno{EOPNOTSUPP};  // a node has no space past its end
    }
  }
  if (offset < size) {
    const Result<> allocated = co_await ref_.Allocate(offset, std::min(end, size) - offset);
    CO_TRY(AsFallocate(allocated));
  }
  if (end > size) {
    const Result<> grown = co_await GrowAllocated(offset, end);
    CO_TRY(AsFallocate(grown));
  }
  co_return Ok();
}

// With a writeback cache the kernel may hold writes past our end that it has not sent yet. It tells
// its size from memory, without asking us.
Task<std::uint64_t> SingleFileFs::ClientSize() const {
  if (options_.cache != ExportCache::kWriteback) {
    co_return ref_.size();
  }
  struct statx file{};
  const Result<> looked = co_await AioContext::Current().RunBlocking([this, &file]() -> Result<> {
    return ::statx(AT_FDCWD, options_.mountpoint, AT_STATX_DONT_SYNC, STATX_SIZE, &file) == 0
               ? Ok()
               : Result<>{Errno{errno}};
  });
  co_return looked.ok() ? std::max<std::uint64_t>(ref_.size(), file.stx_size) : ref_.size();
}

Task<Result<>> SingleFileFs::CollectWrites(std::uint64_t offset) {
  if (open_for_writing_.load() == 0) {
    co_return Ok();  // the last close has written everything
  }
  fuse::FuseNotifier* const notifier = notifier_.load();
  if (notifier == nullptr || offset > BlockNode::kMaxSize) {
    co_return Errno{ENODEV};
  }
  const Result<> collected =
      co_await AioContext::Current().RunBlocking([notifier, offset]() -> Result<> {
        notifier->InvalidateInode(fuse::NodeId::kRoot, static_cast<std::int64_t>(offset), 0);
        return notifier->WaitUntilTaken(kCollectLimit);
      });
  co_return collected;
}

// What lies between the old end and `offset` becomes a hole. A node that cannot preallocate says so
// before that.
Task<Result<>> SingleFileFs::GrowAllocated(std::uint64_t offset, std::uint64_t end) {
  const std::uint64_t size = ref_.size();
  if (offset > size) {
    const Result<> can = co_await ref_.Truncate(size, Prealloc::kFalloc);
    CO_TRY(can);
    const Result<> hole = co_await ref_.Truncate(offset, Prealloc::kOff);
    CO_TRY(hole);
  }
  const Result<> grown = co_await ref_.Truncate(end, Prealloc::kFalloc);
  co_return grown;
}

Task<Result<>> SingleFileFs::Fallocate(const fuse::Caller&, fuse::NodeId, fuse::Handle,
                                       std::uint32_t mode, std::uint64_t offset,
                                       std::uint64_t length) {
  if (!options_.writable) {
    co_return Errno{EACCES};
  }
  if (length == 0) {
    co_return Errno{EINVAL};
  }
  if (length > BlockNode::kMaxSize || offset > BlockNode::kMaxSize - length) {
    co_return Errno{EFBIG};
  }
  const Gate::Pass pass = co_await ref_.gate().Enter();
  const bool keep_size = (mode & FALLOC_FL_KEEP_SIZE) != 0;
  Result<> result = Ok();
  switch (mode & ~static_cast<std::uint32_t>(FALLOC_FL_KEEP_SIZE)) {
    case FALLOC_FL_PUNCH_HOLE:
      if (!keep_size) {
        co_return Errno{EINVAL};
      }
      result = co_await PunchHole(offset, length);
      break;
    case FALLOC_FL_ZERO_RANGE:
      result = co_await ZeroRange(offset, length, keep_size);
      break;
    case 0:
      result = co_await Preallocate(offset, length, keep_size);
      break;
    default:
      co_return Errno{EOPNOTSUPP};
  }
  CO_TRY(result);
  DropPrivileges();  // whoever asks: the request does not tell
  TouchModified();
  co_return Ok();
}

Task<Result<std::uint64_t>> SingleFileFs::Lseek(const fuse::Caller&, fuse::NodeId, fuse::Handle,
                                                std::uint64_t offset, std::uint32_t whence) {
  if (whence != SEEK_DATA && whence != SEEK_HOLE) {
    co_return Errno{EINVAL};
  }
  const Result<> collected = co_await CollectWrites(offset);
  const Gate::Pass pass = co_await ref_.gate().Enter();
  const std::uint64_t size = collected.ok() ? ref_.size() : co_await ClientSize();
  if (offset >= size) {
    co_return Errno{ENXIO};
  }
  if (!collected.ok()) {
    co_return whence == SEEK_DATA ? offset : size;  // a hole of the node's may be one no more
  }
  while (offset < size) {
    const Result<BlockStatus> status = co_await ref_.Status(offset, size - offset);
    CO_TRY(status);
    if (status->data == (whence == SEEK_DATA)) {
      co_return offset;
    }
    offset += status->length;
  }
  if (whence == SEEK_HOLE) {
    co_return size;
  }
  co_return Errno{ENXIO};
}

}  // namespace fusebay
