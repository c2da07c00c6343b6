// Serves the requests that map files into a DAX window.
#include "fuse/server/operations.h"
#include "fuse/server/request.h"

namespace fusebay::fuse {

Task<Unit> ServeSetupMapping(Request& request) {
  const auto in = request.Args<abi::SetupMappingIn>();
  const MappingOps::SetupArgs args{.handle = static_cast<Handle>(in.handle),
                                   .file_offset = in.file_offset,
                                   .length = in.length,
                                   .flags = in.flags,
                                   .window_offset = in.window_offset};
  const Result<> mapped =
      co_await request.fs().SetupMapping(request.caller(), request.node(), args);
  co_return mapped.ok() ? request.Done() : request.Fail(mapped.error());
}

Task<Unit> ServeRemoveMapping(Request& request) {
  const std::uint32_t count = request.Args<abi::RemoveMappingIn>().count;
  if (count > abi::kMaxRemoveMappings ||
      request.bulk().size != count * sizeof(abi::RemoveMappingOne)) {
    co_return request.Fail(Errno{EINVAL});
  }
  for (std::size_t i = 0; i < count; ++i) {
    abi::RemoveMappingOne one;
    request.bulk().Slice(i * sizeof one, sizeof one).CopyTo(reinterpret_cast<std::byte*>(&one));
    const Result<> removed = co_await request.fs().RemoveMapping(request.caller(), request.node(),
                                                                 one.window_offset, one.length);
    if (!removed.ok()) {
      co_return request.Fail(removed.error());
    }
  }
  co_return request.Done();
}

}  // namespace fusebay::fuse
