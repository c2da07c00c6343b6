// Serves the requests about open files: data, its life on disk, ioctl and poll. READ and WRITE are
// the hot path: one coroutine frame here, nothing allocated.
#include <poll.h>

#include <algorithm>

#include "fuse/server/operations.h"
#include "fuse/server/reply.h"
#include "fuse/server/request.h"

namespace fusebay::fuse {
namespace {

Handle AsHandle(std::uint64_t handle) { return static_cast<Handle>(handle); }

std::optional<std::uint64_t> OwnerIf(bool given, std::uint64_t owner) {
  return given ? std::optional(owner) : std::nullopt;
}

Unit ReplyEmpty(Request& request, const Result<>& result) {
  return result.ok() ? request.Done() : request.Fail(result.error());
}

// Which parts of the caller's memory the client is to bring along.
Unit ReplyRetry(Request& request, const abi::IoctlIn& in, const IoctlResult& result) {
  FB_ASSERT((in.flags & abi::kIoctlUnrestricted) != 0);
  FB_ASSERT(result.retry_in.size() + result.retry_out.size() <= abi::kIoctlMaxIov);
  if (request.minor() < 16 && (in.flags & abi::kIoctlCompat) != 0) {
    return request.Fail(Errno{ENOTTY});  // it would read the list as a 32-bit program's iovecs
  }
  std::vector<abi::IoctlIovec> list;
  for (const std::vector<IoctlRange>* const ranges : {&result.retry_in, &result.retry_out}) {
    for (const IoctlRange& range : *ranges) {
      list.push_back({.base = range.address, .length = range.length});
    }
  }
  const std::span<const std::byte> bytes = std::as_bytes(std::span(list));
  if (bytes.size() > request.room()) {
    return request.Fail(Errno{ENOMEM});
  }
  request.Room(bytes.size()).CopyFrom(bytes.data());
  const abi::IoctlOut out{.result = 0,
                          .flags = abi::kIoctlRetry,
                          .in_iovs = static_cast<std::uint32_t>(result.retry_in.size()),
                          .out_iovs = static_cast<std::uint32_t>(result.retry_out.size())};
  return request.ReplyWithData(out, bytes.size());
}

// What COPY_FILE_RANGE can answer with 32 bits, in whole pages.
constexpr std::uint64_t kMostCopied32 = 0xffff'f000;

}  // namespace

Task<Unit> ServeOpen(Request& request) {
  const auto in = request.Args<abi::OpenIn>();
  const OpenArgs args{.flags = in.flags,
                      .kill_suidgid = (in.open_flags & abi::kOpenKillSuidGid) != 0};
  const Result<Opened> opened = co_await request.fs().Open(request.caller(), request.node(), args);
  if (!opened.ok()) {
    co_return request.Fail(opened.error());
  }
  co_return request.Reply(EncodeOpened(*opened));
}

Task<Unit> ServeRelease(Request& request) {
  const auto in = request.Args<abi::ReleaseIn>();
  const Handle handle = AsHandle(in.handle);
  Result<> flushed = Ok();
  if ((in.release_flags & abi::kReleaseFlush) != 0) {
    flushed = co_await request.fs().Flush(request.caller(), request.node(), handle, in.lock_owner);
  }
  const bool unlocks = (in.release_flags & abi::kReleaseFlockUnlock) != 0;
  const std::optional<std::uint64_t> owner = OwnerIf(unlocks, in.lock_owner);
  const Result<> released =
      co_await request.fs().Release(request.caller(), request.node(), handle, owner);
  co_return ReplyEmpty(request, released.ok() ? flushed : released);
}

Task<Unit> ServeRead(Request& request) {
  const auto in = request.Args<abi::ReadIn>();
  if (in.size > request.room()) {
    co_return request.Fail(Errno{ENOMEM});
  }
  const ReadArgs args{
      .offset = in.offset,
      .open_flags = in.flags,
      .lock_owner = OwnerIf((in.read_flags & abi::kReadLockOwner) != 0, in.lock_owner)};
  const Result<std::uint32_t> size = co_await request.fs().Read(
      request.caller(), request.node(), AsHandle(in.handle), args, request.Room(in.size));
  if (!size.ok()) {
    co_return request.Fail(size.error());
  }
  FB_ASSERT(*size <= in.size);
  co_return request.ReplyData(*size);
}

Task<Unit> ServeWrite(Request& request) {
  const auto in = request.Args<abi::WriteIn>();
  if (in.size != request.bulk().size) {
    co_return request.Fail(Errno{EINVAL});
  }
  const WriteArgs args{
      .offset = in.offset,
      .open_flags = in.flags,
      .from_page_cache = (in.write_flags & abi::kWriteCache) != 0,
      .kill_suidgid = (in.write_flags & abi::kWriteKillSuidGid) != 0,
      .lock_owner = OwnerIf((in.write_flags & abi::kWriteLockOwner) != 0, in.lock_owner)};
  const Result<std::uint32_t> size = co_await request.fs().Write(
      request.caller(), request.node(), AsHandle(in.handle), args, request.bulk());
  if (!size.ok()) {
    co_return request.Fail(size.error());
  }
  FB_ASSERT(*size <= request.bulk().size);
  co_return request.Reply(abi::WriteOut{.size = *size, .padding = 0});
}

Task<Unit> ServeFlush(Request& request) {
  const auto in = request.Args<abi::FlushIn>();
  const Result<> flushed = co_await request.fs().Flush(request.caller(), request.node(),
                                                       AsHandle(in.handle), in.lock_owner);
  co_return ReplyEmpty(request, flushed);
}

Task<Unit> ServeFsync(Request& request) {
  const auto in = request.Args<abi::FsyncIn>();
  const bool data_only = (in.fsync_flags & abi::kFsyncDataOnly) != 0;
  const Result<> synced =
      co_await request.fs().Fsync(request.caller(), request.node(), AsHandle(in.handle), data_only);
  co_return ReplyEmpty(request, synced);
}

Task<Unit> ServeFallocate(Request& request) {
  const auto in = request.Args<abi::FallocateIn>();
  const Result<> allocated = co_await request.fs().Fallocate(
      request.caller(), request.node(), AsHandle(in.handle), in.mode, in.offset, in.length);
  co_return ReplyEmpty(request, allocated);
}

Task<Unit> ServeLseek(Request& request) {
  const auto in = request.Args<abi::LseekIn>();
  const Result<std::uint64_t> offset = co_await request.fs().Lseek(
      request.caller(), request.node(), AsHandle(in.handle), in.offset, in.whence);
  if (!offset.ok()) {
    co_return request.Fail(offset.error());
  }
  co_return request.Reply(abi::LseekOut{.offset = *offset});
}

// Both of them: they differ in how much their reply can say.
Task<Unit> ServeCopyFileRange(Request& request) {
  const auto in = request.Args<abi::CopyFileRangeIn>();
  const bool is_wide = request.opcode() == abi::Opcode::kCopyFileRange64;
  const FileOps::CopyArgs args{.node_in = request.node(),
                               .handle_in = AsHandle(in.handle_in),
                               .offset_in = in.offset_in,
                               .node_out = static_cast<NodeId>(in.nodeid_out),
                               .handle_out = AsHandle(in.handle_out),
                               .offset_out = in.offset_out,
                               .length = is_wide ? in.length : std::min(in.length, kMostCopied32),
                               .flags = in.flags};
  const Result<std::uint64_t> copied = co_await request.fs().CopyFileRange(request.caller(), args);
  if (!copied.ok()) {
    co_return request.Fail(copied.error());
  }
  FB_ASSERT(*copied <= args.length);
  if (is_wide) {
    co_return request.Reply(abi::CopyFileRangeOut{.bytes_copied = *copied});
  }
  const abi::WriteOut out{.size = static_cast<std::uint32_t>(*copied), .padding = 0};
  co_return request.Reply(out);
}

Task<Unit> ServeIoctl(Request& request) {
  const auto in = request.Args<abi::IoctlIn>();
  if (in.in_size > request.bulk().size) {
    co_return request.Fail(Errno{ENOTTY});
  }
  if (in.out_size > request.room()) {
    co_return request.Fail(Errno{ENOMEM});
  }
  const FileOps::IoctlArgs args{.flags = in.flags, .command = in.command, .arg = in.arg};
  const Result<IoctlResult> result =
      co_await request.fs().Ioctl(request.caller(), request.node(), AsHandle(in.handle), args,
                                  request.bulk().First(in.in_size), request.Room(in.out_size));
  if (!result.ok()) {
    co_return request.Fail(result.error());
  }
  if (!result->retry_in.empty() || !result->retry_out.empty()) {
    co_return ReplyRetry(request, in, *result);
  }
  FB_ASSERT(result->out_size <= in.out_size);
  const abi::IoctlOut out{.result = result->result, .flags = 0, .in_iovs = 0, .out_iovs = 0};
  co_return request.ReplyWithData(out, result->out_size);
}

Task<Unit> ServePoll(Request& request) {
  const auto in = request.Args<abi::PollIn>();
  const bool notify = (in.flags & abi::kPollScheduleNotify) != 0;
  const std::uint32_t events = request.minor() < 21 ? POLLIN | POLLOUT : in.events;
  const std::optional<std::uint64_t> kernel_handle = OwnerIf(notify, in.kernel_handle);
  const Result<std::uint32_t> ready = co_await request.fs().Poll(
      request.caller(), request.node(), AsHandle(in.handle), events, kernel_handle);
  if (!ready.ok()) {
    co_return request.Fail(ready.error());
  }
  co_return request.Reply(abi::PollOut{.revents = *ready, .padding = 0});
}

// Only FUSE_NOTIFY_RETRIEVE asks for one, and this server never sends it.
Task<Unit> ServeNotifyReply(Request& request) { return request.NoReply(); }

}  // namespace fusebay::fuse
