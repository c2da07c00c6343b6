// CheckImage: opens the image's file alone, finds out its format and has that format check it.
#include "block/check_image.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "block/open_image.h"
#include "core/aio_context.h"
#include "probe.h"
#include "qcow2/qcow2_check.h"

namespace fusebay {

namespace {

// A look lets nobody write meanwhile; a repair lets nobody in.
PermissionSet PermissionsFor(CheckFix fix) {
  const std::uint32_t shared = kPermConsistentRead | kPermWriteUnchanged;
  const bool writes = fix != CheckFix::kNone;
  return {kPermConsistentRead | (writes ? kPermWrite | kPermResize : 0u), shared};
}

Task<bool> IsDevice(const std::string& filename) {
  struct stat file{};
  const Result<> looked =
      co_await AioContext::Current().RunBlocking([&filename, &file]() -> Result<> {
        return stat(filename.c_str(), &file) == 0 ? Ok() : Result<>{Errno{errno}};
      });
  co_return looked.ok() && (S_ISBLK(file.st_mode) || S_ISCHR(file.st_mode));
}

Task<Result<BlockNode*, Error>> OpenFile(BlockGraph& graph, const CheckRequest& request) {
  BlockdevOptions options;
  const bool is_device = co_await IsDevice(request.filename);
  options.driver = is_device ? "host_device" : "file";
  options.read_only = request.fix == CheckFix::kNone;
  FileOptions file;
  file.filename = request.filename;
  file.locking = request.locking;
  options.driver_options = std::move(file);
  const Result<BlockNode*, Error> node = co_await graph.Open(options);
  co_return node;
}

Task<Result<std::string, Error>> FormatOf(const BlockRef& file, const CheckRequest& request) {
  if (!request.format.empty()) {
    co_return request.format;
  }
  const std::size_t bytes = std::min<std::uint64_t>(file.size(), kProbeHeadBytes);
  const Buffer buffer = AioContext::Current().buffers().Get(kProbeHeadBytes);
  const Result<> read = co_await file.Read(0, buffer.vec().First(bytes));
  if (!read.ok()) {
    co_return Error{read.error(), fmt::format("{}: could not read the image: {}", request.filename,
                                              std::strerror(read.error().value()))};
  }
  co_return std::string(ProbeFormat({buffer.data(), bytes}));
}

Task<Result<CheckResult, Error>> CheckOpened(const BlockRef& file, const CheckRequest& request,
                                             CheckObserver& observer) {
  CO_ASSIGN(const std::string format, co_await FormatOf(file, request));
  if (format != "qcow2") {
    co_return Error{Errno{ENOTSUP}, "This image format does not support checks"};
  }
  Result<CheckResult, Error> result =
      co_await qcow2::CheckQcow2(file, request.filename, request.fix, observer);
  // Only the format above means that there is no check at all.
  if (!result.ok() && result.error().code == Errno{ENOTSUP}) {
    co_return Error{Errno{EINVAL}, result.error().message};
  }
  co_return result;
}

Task<Result<CheckResult, Error>> CheckNode(BlockGraph& graph, const BlockNode& node,
                                           const CheckRequest& request, CheckObserver& observer) {
  CO_ASSIGN(const BlockRef file,
            graph.Use(node.node_name(), PermissionsFor(request.fix), "the check"));
  Result<CheckResult, Error> result = co_await CheckOpened(file, request, observer);
  co_return result;
}

}  // namespace

Task<Result<CheckResult, Error>> CheckImage(BlockGraph& graph, const CheckRequest& request,
                                            CheckObserver& observer) {
  FB_ASSERT(request.fix == CheckFix::kNone || request.locking != OnOffAuto::kOff);
  CO_ASSIGN(BlockNode* const node, co_await OpenFile(graph, request));
  const std::string name = node->node_name();
  Result<CheckResult, Error> result = co_await CheckNode(graph, *node, request, observer);
  const Result<Unit, Error> closed = co_await graph.Remove(name);
  if (result.ok() && !closed.ok()) {
    co_return closed.error();
  }
  co_return result;
}

}  // namespace fusebay
