// Serves the requests about open directories.
#include "fuse/server/dir_packer.h"
#include "fuse/server/operations.h"
#include "fuse/server/reply.h"
#include "fuse/server/request.h"

namespace fusebay::fuse {
namespace {

Task<Unit> ReadDirectory(Request& request, bool is_plus) {
  const auto in = request.Args<abi::ReadIn>();
  if (in.size > request.room()) {
    co_return request.Fail(Errno{ENOMEM});
  }
  const IoVec room = request.Room(in.size);
  DirPacker packer(room, is_plus, request.minor());
  const Result<> read = co_await request.fs().ReadDir(
      request.caller(), request.node(), static_cast<Handle>(in.handle), in.offset, is_plus, packer);
  // Entries that were packed are counted as looked up, so they must leave; the error comes again.
  if (!read.ok() && packer.used() == 0) {
    co_return request.Fail(read.error());
  }
  co_return request.ReplyData(packer.used());
}

}  // namespace

Task<Unit> ServeOpenDir(Request& request) {
  const auto in = request.Args<abi::OpenIn>();
  const Result<Opened> opened =
      co_await request.fs().OpenDir(request.caller(), request.node(), in.flags);
  if (!opened.ok()) {
    co_return request.Fail(opened.error());
  }
  co_return request.Reply(EncodeOpened(*opened));
}

Task<Unit> ServeReadDir(Request& request) { return ReadDirectory(request, false); }

Task<Unit> ServeReadDirPlus(Request& request) { return ReadDirectory(request, true); }

Task<Unit> ServeReleaseDir(Request& request) {
  const auto in = request.Args<abi::ReleaseIn>();
  const Result<> released = co_await request.fs().ReleaseDir(request.caller(), request.node(),
                                                             static_cast<Handle>(in.handle));
  co_return released.ok() ? request.Done() : request.Fail(released.error());
}

Task<Unit> ServeFsyncDir(Request& request) {
  const auto in = request.Args<abi::FsyncIn>();
  const bool data_only = (in.fsync_flags & abi::kFsyncDataOnly) != 0;
  const Result<> synced = co_await request.fs().FsyncDir(request.caller(), request.node(),
                                                         static_cast<Handle>(in.handle), data_only);
  co_return synced.ok() ? request.Done() : request.Fail(synced.error());
}

}  // namespace fusebay::fuse
