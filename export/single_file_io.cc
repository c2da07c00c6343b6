// SingleFileFs: reading, writing and flushing.
#include <algorithm>

#include "export/single_file_fs.h"

namespace fusebay {

namespace {

// One step of a copy, and the most that one request copies: a longer one is answered short, and the
// kernel or the tool asks for the rest.
constexpr std::uint64_t kCopyStep = 1u << 20;
constexpr std::uint64_t kCopyMax = 64 * kCopyStep;

}  // namespace

Task<Result<std::uint32_t>> SingleFileFs::Read(const fuse::Caller&, fuse::NodeId, fuse::Handle,
                                               const fuse::ReadArgs& args, IoVec dst) {
  IoTimer timer(ref_.counters(), IoKind::kRead);
  const Gate::Pass pass = co_await ref_.gate().Enter();
  const std::uint64_t size = ref_.size();
  if (args.offset >= size) {
    timer.Succeeded(0);
    co_return std::uint32_t{0};
  }
  const std::uint64_t length = std::min<std::uint64_t>(dst.size, size - args.offset);
  const Result<> read = co_await ref_.Read(args.offset, dst.First(length));
  CO_TRY(read);
  timer.Succeeded(length);
  co_return static_cast<std::uint32_t>(length);
}

Task<Result<std::uint32_t>> SingleFileFs::Write(const fuse::Caller&, fuse::NodeId, fuse::Handle,
                                                const fuse::WriteArgs& args, IoVec src) {
  if (!options_.writable) {
    co_return Errno{EACCES};
  }
  if (src.size > BlockNode::kMaxSize || args.offset > BlockNode::kMaxSize - src.size) {
    co_return Errno{EFBIG};
  }
  if (args.kill_suidgid) {
    DropPrivileges();
  }
  IoTimer timer(ref_.counters(), IoKind::kWrite);
  const Gate::Pass pass = co_await ref_.gate().Enter();
  std::uint64_t length = src.size;
  if (args.offset + length > ref_.size()) {
    if (options_.growable) {
      const Result<> grown = co_await Grow(args.offset + length);
      CO_TRY(grown);
    } else if (args.offset >= ref_.size()) {
      timer.Invalid();
      co_return Errno{ENOSPC};
    } else {
      length = ref_.size() - args.offset;
    }
  }
  const Result<> written =
      co_await ref_.Write(args.offset, src.First(length), {.fua = options_.writethrough});
  CO_TRY(written);
  timer.Succeeded(length, args.offset + length);
  TouchModified();
  // Its program has been told long ago that all is written: only an error reaches its fsync.
  if (args.from_page_cache && length < src.size) {
    co_return Errno{ENOSPC};
  }
  co_return static_cast<std::uint32_t>(length);
}

Task<Result<>> SingleFileFs::Flush(const fuse::Caller&, fuse::NodeId, fuse::Handle, std::uint64_t) {
  if (!options_.writable) {
    co_return Ok();
  }
  IoTimer timer(ref_.counters(), IoKind::kFlush);
  const Gate::Pass pass = co_await ref_.gate().Enter();
  const Result<> flushed =
      co_await ref_.Flush(options_.writethrough ? FlushMode::kDisk : FlushMode::kWriteOut);
  CO_TRY(flushed);
  timer.Succeeded(0);
  co_return flushed;
}

Task<Result<>> SingleFileFs::Fsync(const fuse::Caller&, fuse::NodeId, fuse::Handle, bool) {
  if (!options_.writable) {
    co_return Ok();
  }
  IoTimer timer(ref_.counters(), IoKind::kFlush);
  const Gate::Pass pass = co_await ref_.gate().Enter();
  const Result<> flushed = co_await ref_.Flush(FlushMode::kDisk);
  CO_TRY(flushed);
  timer.Succeeded(0);
  co_return flushed;
}

Task<Result<std::uint64_t>> SingleFileFs::CopyFileRange(const fuse::Caller&, const CopyArgs& args) {
  if (!options_.writable) {
    co_return Errno{EACCES};
  }
  if (args.flags != 0) {
    co_return Errno{EINVAL};
  }
  const Gate::Pass pass = co_await ref_.gate().Enter();
  const std::uint64_t size = ref_.size();
  if (args.offset_in >= size || args.length == 0) {
    co_return std::uint64_t{0};
  }
  std::uint64_t length = std::min({args.length, size - args.offset_in, kCopyMax});
  if (args.offset_out > BlockNode::kMaxSize - length) {
    co_return Errno{EFBIG};
  }
  if (args.offset_out + length > size) {
    if (options_.growable) {
      const Result<> grown = co_await Grow(args.offset_out + length);
      CO_TRY(grown);
    } else if (args.offset_out >= size) {
      co_return Errno{ENOSPC};
    } else {
      length = size - args.offset_out;
    }
  }
  DropPrivileges();  // whoever copies: the request does not tell
  const Buffer buffer = AioContext::Current().buffers().Get(std::min(length, kCopyStep));
  for (std::uint64_t done = 0; done < length;) {
    const IoVec part = buffer.vec().First(std::min<std::uint64_t>(buffer.size(), length - done));
    IoTimer reading(ref_.counters(), IoKind::kRead);
    const Result<> read = co_await ref_.Read(args.offset_in + done, part);
    CO_TRY(read);
    reading.Succeeded(part.size);
    IoTimer writing(ref_.counters(), IoKind::kWrite);
    const Result<> written =
        co_await ref_.Write(args.offset_out + done, part, {.fua = options_.writethrough});
    CO_TRY(written);
    done += part.size;
    writing.Succeeded(part.size, args.offset_out + done);
  }
  TouchModified();
  co_return length;
}

}  // namespace fusebay
