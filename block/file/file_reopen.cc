// FileNode: other options for an open file. Where the descriptor has to be another one it is opened
// from the one that is open: the name may lead elsewhere by now, even to a mount of our own.
#include <fmt/format.h>

#include <cstring>

#include "core/aio_context.h"
#include "file_node.h"
#include "file_open.h"

namespace fusebay {

namespace {

const FileOptions& OwnOf(const BlockdevOptions& options) {
  return std::get<FileOptions>(options.driver_options);
}

}  // namespace

std::string_view FileNode::FixedOption(const BlockdevOptions& now,
                                       const BlockdevOptions& wanted) const {
  if (OwnOf(now).filename != OwnOf(wanted).filename) {
    return "filename";
  }
  return OwnOf(now).locking != OwnOf(wanted).locking ? "locking" : "";
}

Task<Result<Unit, Error>> FileNode::Reopen(const BlockdevOptions&, const BlockdevOptions& wanted) {
  FileConfig config = config_;
  config.read_only = wanted.read_only;
  config.direct = wanted.cache.direct;
  config.no_flush = wanted.cache.no_flush;
  config.discard_unmap = wanted.discard_unmap;
  config.aio = OwnOf(wanted).aio;
  if (config.aio == EngineKind::kNative && !config.direct) {
    co_return Error{Errno{EINVAL},
                    "aio=native was specified, but it requires cache.direct=on, which was not "
                    "specified."};
  }
  if (config.aio.has_value()) {
    CO_TRY(AioContext::Current().RequireEngine(*config.aio));
  }
  if (config.read_only != read_only() || config.direct != config_.direct) {
    const Result<Unit, Error> taken = co_await TakeFile(config, wanted.auto_read_only);
    co_return taken;
  }
  config_ = std::move(config);
  co_return Unit{};
}

// With another descriptor. What has been written through the old one is on the disk before it goes,
// so that an error of that is told to somebody.
Task<Result<Unit, Error>> FileNode::TakeFile(const FileConfig& config, bool auto_read_only) {
  if (!read_only()) {
    const Result<> flushed = co_await DoFlush(FlushMode::kDisk);
    if (!flushed.ok()) {
      co_return Error{flushed.error(), fmt::format("Could not flush '{}': {}", config_.filename,
                                                   std::strerror(flushed.error().value()))};
    }
  }
  const FileRequest request{
      .filename = config_.filename,
      .path = fmt::format("/proc/self/fd/{}", fd_.get()),
      .is_device = config_.is_device,
      .read_only = config.read_only,
      .auto_read_only = auto_read_only,
      .direct = config.direct,
  };
  std::optional<Result<OpenedFile, Error>> opened;
  const Result<> called = co_await AioContext::Current().RunBlocking([&opened, &request] {
    opened.emplace(OpenFile(request));
    return Ok();
  });
  FB_ASSERT(called.ok());
  if (!opened->ok()) {
    co_return opened->error();
  }
  OpenedFile& file = **opened;
  std::unique_ptr<ImageLock> lock;
  if (lock_ != nullptr) {
    lock = std::make_unique<ImageLock>(file.fd.get(), config_.filename);
    CO_TRY(lock->TakeOver(*lock_));
  }
  lock_ = std::move(lock);
  std::swap(fd_, file.fd);
  std::swap(tail_fd_, file.tail_fd);
  config_ = config;
  config_.read_only = file.read_only;
  config_.block_size = file.block_size;
  config_.memory_alignment = file.memory_alignment;
  set_read_only(file.read_only);
  ApplyAlignment();
  const Result<> closed = co_await AioContext::Current().RunBlocking([&file] {
    file.tail_fd.Reset();
    file.fd.Reset();
    return Ok();
  });
  FB_ASSERT(closed.ok());
  co_return Unit{};
}

}  // namespace fusebay
