// Serves the requests about extended attributes.
#include <algorithm>

#include "fuse/server/operations.h"
#include "fuse/server/request.h"

namespace fusebay::fuse {
namespace {

// With size 0 the client asks how much room it needs.
Unit ReplyXattr(Request& request, std::uint32_t asked, const Result<std::uint32_t>& size) {
  if (!size.ok()) {
    return request.Fail(size.error());
  }
  if (asked == 0) {
    return request.Reply(abi::GetXattrOut{.size = *size, .padding = 0});
  }
  if (*size > std::min<std::size_t>(asked, request.room())) {
    return request.Fail(Errno{ERANGE});
  }
  return request.ReplyData(*size);
}

IoVec RoomFor(const Request& request, std::uint32_t asked) {
  return request.Room(std::min<std::size_t>(asked, request.room()));
}

}  // namespace

Task<Unit> ServeSetXattr(Request& request) {
  const auto in = request.Args<abi::SetXattrIn>();
  if (in.size != request.bulk().size) {
    co_return request.Fail(Errno{EINVAL});
  }
  const Result<> set =
      co_await request.fs().SetXattr(request.caller(), request.node(), request.name(),
                                     request.bulk(), in.flags, in.setxattr_flags);
  co_return set.ok() ? request.Done() : request.Fail(set.error());
}

Task<Unit> ServeGetXattr(Request& request) {
  const auto in = request.Args<abi::GetXattrIn>();
  const Result<std::uint32_t> size = co_await request.fs().GetXattr(
      request.caller(), request.node(), request.name(), RoomFor(request, in.size));
  co_return ReplyXattr(request, in.size, size);
}

Task<Unit> ServeListXattr(Request& request) {
  const auto in = request.Args<abi::GetXattrIn>();
  const Result<std::uint32_t> size =
      co_await request.fs().ListXattr(request.caller(), request.node(), RoomFor(request, in.size));
  co_return ReplyXattr(request, in.size, size);
}

Task<Unit> ServeRemoveXattr(Request& request) {
  const Result<> removed =
      co_await request.fs().RemoveXattr(request.caller(), request.node(), request.name());
  co_return removed.ok() ? request.Done() : request.Fail(removed.error());
}

}  // namespace fusebay::fuse
