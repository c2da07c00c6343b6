// Serves the requests about nodes: LOOKUP, FORGET, attributes, STATFS and their like.
#include <algorithm>

#include "fuse/server/operations.h"
#include "fuse/server/reply.h"
#include "fuse/server/request.h"

namespace fusebay::fuse {
namespace {

void ForgetAll(Request& request, std::span<const abi::ForgetOne> forgotten) {
  for (const abi::ForgetOne& one : forgotten) {
    request.fs().Forget(static_cast<NodeId>(one.nodeid), one.lookups);
  }
}

std::optional<timespec> TimeToSet(std::uint32_t valid, std::uint32_t flag, std::uint32_t now_flag,
                                  std::uint64_t seconds, std::uint32_t nanoseconds) {
  if ((valid & now_flag) != 0) {
    return timespec{.tv_sec = 0, .tv_nsec = UTIME_NOW};
  }
  if ((valid & flag) == 0) {
    return std::nullopt;
  }
  return timespec{.tv_sec = static_cast<time_t>(seconds), .tv_nsec = nanoseconds};
}

bool HasBadTime(const SetAttrArgs& args) {
  const auto is_bad = [](const std::optional<timespec>& time) {
    return time && time->tv_nsec != UTIME_NOW && time->tv_nsec >= 1'000'000'000;
  };
  return is_bad(args.atime) || is_bad(args.mtime) || is_bad(args.ctime);
}

SetAttrArgs DecodeSetAttr(const abi::SetAttrIn& in) {
  const auto if_set = [&in](std::uint32_t flag, auto value) {
    return (in.valid & flag) != 0 ? std::optional(value) : std::nullopt;
  };
  SetAttrArgs args;
  args.mode = if_set(abi::kSetMode, in.mode);
  args.uid = if_set(abi::kSetUid, in.uid);
  args.gid = if_set(abi::kSetGid, in.gid);
  args.size = if_set(abi::kSetSize, in.size);
  args.lock_owner = if_set(abi::kSetLockOwner, in.lock_owner);
  args.atime = TimeToSet(in.valid, abi::kSetAtime, abi::kSetAtimeNow, in.atime, in.atime_ns);
  args.mtime = TimeToSet(in.valid, abi::kSetMtime, abi::kSetMtimeNow, in.mtime, in.mtime_ns);
  args.ctime = TimeToSet(in.valid, abi::kSetCtime, 0, in.ctime, in.ctime_ns);
  args.kill_suidgid = (in.valid & abi::kSetKillSuidGid) != 0;
  // Without ATOMIC_O_TRUNC the protocol tells an open with O_TRUNC from truncate(2) by nothing
  // else, and not from truncate(path, 0) at all.
  const bool has_handle = (in.valid & abi::kSetHandle) != 0;
  args.open_truncate = args.size == std::uint64_t{0} && !has_handle;
  return args;
}

std::optional<Handle> HandleIf(bool given, std::uint64_t handle) {
  return given ? std::optional(static_cast<Handle>(handle)) : std::nullopt;
}

Unit ReplyAttr(Request& request, const Result<Attr>& attr) {
  if (!attr.ok()) {
    return request.Fail(attr.error());
  }
  return request.Reply(EncodeAttrOut(*attr), AttrOutSize(request.minor()));
}

}  // namespace

Task<Unit> ServeLookup(Request& request) {
  const Result<Entry> entry =
      co_await request.fs().Lookup(request.caller(), request.node(), request.name());
  if (!entry.ok()) {
    co_return request.Fail(entry.error());
  }
  if (entry->node == NodeId::kNone && request.minor() < 4) {
    co_return request.Fail(Errno{ENOENT});  // it cannot keep a negative entry
  }
  co_return request.Reply(EncodeEntry(*entry), EntryOutSize(request.minor()));
}

Task<Unit> ServeForget(Request& request) {
  request.fs().Forget(request.node(), request.Args<abi::ForgetIn>().lookups);
  return request.NoReply();
}

// Believes in the nodes that are there, not in the count.
Task<Unit> ServeBatchForget(Request& request) {
  constexpr std::size_t kAtATime = 64;
  const auto in = request.Args<abi::BatchForgetIn>();
  const IoVec& bulk = request.bulk();
  const std::size_t count = std::min<std::size_t>(in.count, bulk.size / sizeof(abi::ForgetOne));
  std::array<abi::ForgetOne, kAtATime> some;
  for (std::size_t done = 0; done < count;) {
    const std::size_t n = std::min(kAtATime, count - done);
    bulk.Slice(done * sizeof some[0], n * sizeof some[0])
        .CopyTo(reinterpret_cast<std::byte*>(some.data()));
    ForgetAll(request, std::span(some).first(n));
    done += n;
  }
  return request.NoReply();
}

Task<Unit> ServeGetAttr(Request& request) {
  const auto in = request.Args<abi::GetAttrIn>();
  const std::optional<Handle> handle = HandleIf((in.flags & abi::kGetAttrHandle) != 0, in.handle);
  const Result<Attr> attr = co_await request.fs().GetAttr(request.caller(), request.node(), handle);
  co_return ReplyAttr(request, attr);
}

Task<Unit> ServeStatx(Request& request) {
  const auto in = request.Args<abi::StatxIn>();
  const std::optional<Handle> handle =
      HandleIf((in.getattr_flags & abi::kGetAttrHandle) != 0, in.handle);
  const Result<Attr> attr = co_await request.fs().GetAttr(request.caller(), request.node(), handle);
  if (!attr.ok()) {
    co_return request.Fail(attr.error());
  }
  co_return request.Reply(EncodeStatx(*attr));
}

Task<Unit> ServeSetAttr(Request& request) {
  const auto in = request.Args<abi::SetAttrIn>();
  const SetAttrArgs args = DecodeSetAttr(in);
  if (HasBadTime(args)) {
    co_return request.Fail(Errno{EINVAL});
  }
  const std::optional<Handle> handle = HandleIf((in.valid & abi::kSetHandle) != 0, in.handle);
  const Result<Attr> attr =
      co_await request.fs().SetAttr(request.caller(), request.node(), handle, args);
  co_return ReplyAttr(request, attr);
}

Task<Unit> ServeAccess(Request& request) {
  const auto in = request.Args<abi::AccessIn>();
  const Result<> allowed = co_await request.fs().Access(request.caller(), request.node(), in.mask);
  co_return allowed.ok() ? request.Done() : request.Fail(allowed.error());
}

Task<Unit> ServeStatFs(Request& request) {
  const Result<FsStat> stat = co_await request.fs().StatFs(request.caller(), request.node());
  if (!stat.ok()) {
    co_return request.Fail(stat.error());
  }
  const abi::StatFsOut out{.blocks = stat->blocks,
                           .bfree = stat->bfree,
                           .bavail = stat->bavail,
                           .files = stat->files,
                           .ffree = stat->ffree,
                           .bsize = stat->bsize,
                           .namelen = stat->namelen,
                           .frsize = stat->frsize,
                           .padding = 0,
                           .spare = {}};
  co_return request.Reply(out, StatFsOutSize(request.minor()));
}

Task<Unit> ServeReadLink(Request& request) {
  const std::size_t room = std::min(request.room(), abi::kMaxSymlinkTarget);
  const Result<std::uint32_t> length =
      co_await request.fs().ReadLink(request.caller(), request.node(), request.Room(room));
  if (!length.ok()) {
    co_return request.Fail(length.error());
  }
  FB_ASSERT(*length <= room);
  co_return request.ReplyData(*length);
}

Task<Unit> ServeSyncFs(Request& request) {
  const Result<> synced = co_await request.fs().SyncFs(request.caller(), request.node());
  co_return synced.ok() ? request.Done() : request.Fail(synced.error());
}

Task<Unit> ServeBmap(Request& request) {
  const auto in = request.Args<abi::BmapIn>();
  const Result<std::uint64_t> block =
      co_await request.fs().Bmap(request.caller(), request.node(), in.block, in.blocksize);
  if (!block.ok()) {
    co_return request.Fail(block.error());
  }
  co_return request.Reply(abi::BmapOut{.block = *block});
}

}  // namespace fusebay::fuse
