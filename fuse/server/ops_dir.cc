// Serves the requests that make, remove and rename entries.
#include <sys/stat.h>

#include <algorithm>

#include "fuse/server/operations.h"
#include "fuse/server/reply.h"
#include "fuse/server/request.h"

namespace fusebay::fuse {
namespace {

Unit ReplyEmpty(Request& request, const Result<>& result) {
  return result.ok() ? request.Done() : request.Fail(result.error());
}

Unit ReplyEntry(Request& request, const Result<Entry>& entry) {
  if (!entry.ok()) {
    return request.Fail(entry.error());
  }
  FB_ASSERT(entry->node != NodeId::kNone);
  return request.Reply(EncodeEntry(*entry), EntryOutSize(request.minor()));
}

Unit ReplyCreated(Request& request, const Result<DirOps::Created>& created) {
  if (!created.ok()) {
    return request.Fail(created.error());
  }
  FB_ASSERT(created->entry.node != NodeId::kNone);
  struct {
    abi::EntryOut entry;
    abi::OpenOut open;
  } out{EncodeEntry(created->entry), EncodeOpened(created->opened)};
  static_assert(sizeof out == sizeof out.entry + sizeof out.open);
  const std::size_t entry_size = EntryOutSize(request.minor());
  if (entry_size < sizeof out.entry) {
    std::memmove(reinterpret_cast<std::byte*>(&out) + entry_size, &out.open, sizeof out.open);
  }
  return request.Reply(out, entry_size + sizeof out.open);
}

DirOps::MakeArgs DecodeCreate(const Request& request, const abi::CreateIn& in) {
  const bool is_short = request.minor() < 12;
  return {.mode = S_IFREG | (in.mode & 07777u),
          .umask = is_short ? 0 : in.umask,
          .rdev = 0,
          .link_target = {},
          .kill_suidgid = !is_short && (in.open_flags & abi::kOpenKillSuidGid) != 0};
}

}  // namespace

Task<Unit> ServeMknod(Request& request) {
  const auto in = request.Args<abi::MknodIn>();
  const DirOps::MakeArgs args{
      .mode = in.mode, .umask = in.umask, .rdev = in.rdev, .link_target = {}};
  const Result<Entry> entry =
      co_await request.fs().Make(request.caller(), request.node(), request.name(), args);
  co_return ReplyEntry(request, entry);
}

Task<Unit> ServeMkdir(Request& request) {
  const auto in = request.Args<abi::MkdirIn>();
  const DirOps::MakeArgs args{.mode = S_IFDIR | (in.mode & 07777u),
                              .umask = request.minor() < 12 ? 0 : in.umask,
                              .rdev = 0,
                              .link_target = {}};
  const Result<Entry> entry =
      co_await request.fs().Make(request.caller(), request.node(), request.name(), args);
  co_return ReplyEntry(request, entry);
}

Task<Unit> ServeSymlink(Request& request) {
  const DirOps::MakeArgs args{
      .mode = S_IFLNK | 0777, .umask = 0, .rdev = 0, .link_target = request.name(1)};
  const Result<Entry> entry =
      co_await request.fs().Make(request.caller(), request.node(), request.name(), args);
  co_return ReplyEntry(request, entry);
}

Task<Unit> ServeCreate(Request& request) {
  const auto in = request.Args<abi::CreateIn>();
  const DirOps::MakeArgs args = DecodeCreate(request, in);
  const Result<DirOps::Created> created = co_await request.fs().Create(
      request.caller(), request.node(), request.name(), args, in.flags);
  co_return ReplyCreated(request, created);
}

Task<Unit> ServeTmpFile(Request& request) {
  const auto in = request.Args<abi::CreateIn>();
  const DirOps::MakeArgs args = DecodeCreate(request, in);
  const Result<DirOps::Created> created =
      co_await request.fs().TmpFile(request.caller(), request.node(), args, in.flags);
  co_return ReplyCreated(request, created);
}

Task<Unit> ServeLink(Request& request) {
  const auto node = static_cast<NodeId>(request.Args<abi::LinkIn>().old_nodeid);
  const Result<Entry> entry =
      co_await request.fs().Link(request.caller(), node, request.node(), request.name());
  co_return ReplyEntry(request, entry);
}

Task<Unit> ServeUnlink(Request& request) {
  const Result<> removed =
      co_await request.fs().Remove(request.caller(), request.node(), request.name(), false);
  co_return ReplyEmpty(request, removed);
}

Task<Unit> ServeRmdir(Request& request) {
  const Result<> removed =
      co_await request.fs().Remove(request.caller(), request.node(), request.name(), true);
  co_return ReplyEmpty(request, removed);
}

Task<Unit> ServeRename(Request& request) {
  const auto new_parent = static_cast<NodeId>(request.Args<abi::RenameIn>().new_parent);
  const Result<> renamed = co_await request.fs().Rename(
      request.caller(), request.node(), request.name(0), new_parent, request.name(1), 0);
  co_return ReplyEmpty(request, renamed);
}

Task<Unit> ServeRename2(Request& request) {
  const auto in = request.Args<abi::Rename2In>();
  const auto new_parent = static_cast<NodeId>(in.new_parent);
  const Result<> renamed = co_await request.fs().Rename(
      request.caller(), request.node(), request.name(0), new_parent, request.name(1), in.flags);
  co_return ReplyEmpty(request, renamed);
}

}  // namespace fusebay::fuse
