// FileNode: what is neither reading and writing (file_io.cc) nor space (file_space.cc,
// file_status.cc): flush, resize, locks, information and the end.
#include "file_node.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "core/aio_context.h"

namespace fusebay {

FileNode::FileNode(FileConfig config, UniqueFd fd, UniqueFd tail_fd)
    : BlockNode(config.node_name, config.driver_name, config.read_only),
      config_(std::move(config)),
      fd_(std::move(fd)),
      tail_fd_(std::move(tail_fd)) {
  live_ = this;
  set_size(config_.size);
  ApplyAlignment();
  limits_.preferred_size = std::max(limits_.preferred_size, config_.preferred_size);
  locked_ = config_.locking;
  if (config_.locking) {
    lock_ = std::make_unique<ImageLock>(fd_.get(), config_.filename);
  }
}

void FileNode::ApplyAlignment() {
  limits_.request_alignment = 1;
  limits_.memory_alignment = 1;
  if (config_.direct) {
    limits_.request_alignment = config_.block_size;
    // As much as the pieces' lengths need: an operation may be cut after any piece.
    limits_.memory_alignment =
        std::min<std::uint32_t>(std::max(config_.memory_alignment, config_.block_size),
                                static_cast<std::uint32_t>(BufferPool::kAlignment));
  }
}

// Between users in this process the graph decides; between processes nobody ever shares writing
// and resizing with us, whatever our users share among themselves.
Result<Unit, Error> FileNode::DoSetPermissions(const PermissionSet& permissions) {
  if (lock_ == nullptr) {
    return Unit{};
  }
  if (permissions.used == 0) {
    return lock_->Set(PermissionSet{});
  }
  return lock_->Set(
      {permissions.used, permissions.shared & (kPermConsistentRead | kPermWriteUnchanged)});
}

// When fdatasync has failed, the kernel may have dropped what it could not write, and the next one
// would succeed all the same. So the node says EIO from then on.
Task<Result<>> FileNode::DoFlush(FlushMode mode) {
  if (mode == FlushMode::kWriteOut || config_.no_flush) {
    co_return Ok();
  }
  if (flush_failed_.load(std::memory_order_acquire)) {
    co_return Errno{EIO};
  }
  std::int32_t n = -EINTR;
  for (unsigned i = 0; i < kMaxRetries && n == -EINTR; ++i) {
    n = co_await AioContext::Current().Datasync(fd_.get(), EngineHere());
  }
  if (n < 0) {
    flush_failed_.store(true, std::memory_order_release);
    co_return Errno{-n};
  }
  co_return Ok();
}

Task<Result<>> FileNode::DoTruncate(std::uint64_t size, Prealloc prealloc) {
  const CoMutex::Guard guard = co_await truncating_.Lock();
  if (prealloc == Prealloc::kMetadata ||
      (prealloc != Prealloc::kOff && (config_.is_device || size < this->size()))) {
    co_return Errno{ENOTSUP};
  }
  const Result<> r = co_await AioContext::Current().RunBlocking([this, size, prealloc] {
    return config_.is_device ? ResizeDevice(size) : Resize(size, prealloc);
  });
  Changed();
  CO_TRY(r);
  set_size(size);
  co_return Ok();
}

// Called on a worker thread. A device has the size it has; all that can change is that we learn it.
Result<> FileNode::ResizeDevice(std::uint64_t size) const {
  std::uint64_t actual = 0;
  if (ioctl(fd_.get(), BLKGETSIZE64, &actual) != 0) {
    return Errno{errno};
  }
  if (size == actual) {
    return Ok();
  }
  return Errno{size > actual ? EINVAL : ENOTSUP};
}

namespace {

Result<> WriteZeroesInFull(int fd, std::uint64_t offset, std::uint64_t end) {
  const std::vector<std::byte> zeroes(64 << 10);
  while (offset < end) {
    const ssize_t n =
        pwrite(fd, zeroes.data(), std::min<std::uint64_t>(end - offset, zeroes.size()),
               static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      return Errno{n < 0 ? errno : EIO};
    }
    offset += static_cast<std::uint64_t>(n);
  }
  return Ok();
}

}  // namespace

// Called on a worker thread. A preallocation that fails leaves the old size.
Result<> FileNode::Resize(std::uint64_t size, Prealloc prealloc) const {
  const std::uint64_t old = this->size();
  const auto length = static_cast<off_t>(size - std::min(size, old));
  Result<> r = Ok();
  if (prealloc == Prealloc::kOff || length == 0) {
    return ftruncate(fd_.get(), static_cast<off_t>(size)) == 0 ? Ok() : Result<>{Errno{errno}};
  }
  if (prealloc == Prealloc::kFalloc) {
    if (fallocate(fd_.get(), 0, static_cast<off_t>(old), length) != 0) {
      r = Errno{errno};
    }
  } else {
    const int fd = tail_fd_.valid() ? tail_fd_.get() : fd_.get();
    r = WriteZeroesInFull(fd, old, size);
  }
  if (!r.ok() && ftruncate(fd_.get(), static_cast<off_t>(old)) != 0) {
    return Errno{errno};
  }
  return r;
}

Task<Result<std::uint64_t>> FileNode::DoAllocatedSize() {
  if (config_.is_device) {
    co_return Errno{ENOTSUP};
  }
  std::uint64_t allocated = 0;
  const Result<> r = co_await AioContext::Current().RunBlocking([this, &allocated]() -> Result<> {
    struct stat st{};
    if (fstat(fd_.get(), &st) != 0) {
      return Errno{errno};
    }
    allocated = static_cast<std::uint64_t>(st.st_blocks) * 512;
    return Ok();
  });
  CO_TRY(r);
  co_return allocated;
}

Task<Result<ImageInfo, Error>> FileNode::DoInfo() {
  Result<ImageInfo, Error> info = co_await BlockNode::DoInfo();
  if (info.ok()) {
    info->filename = config_.filename;
    info->path = config_.path;
  }
  co_return info;
}

Task<Result<>> FileNode::DoClose() {
  Result<> flushed = Ok();
  if (!config_.read_only) {
    flushed = co_await DoFlush(FlushMode::kDisk);
  }
  lock_ = nullptr;
  const Result<> closed = co_await AioContext::Current().RunBlocking([this]() -> Result<> {
    tail_fd_.Reset();
    fd_.Reset();
    return Ok();
  });
  CO_TRY(closed);
  co_return flushed;
}

}  // namespace fusebay
