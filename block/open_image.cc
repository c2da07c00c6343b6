// OpenImage: finds out what a file is, and opens it as that.
#include "block/open_image.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "core/aio_context.h"
#include "graph_internal.h"
#include "probe.h"

namespace fusebay {

namespace {

Error Refuse(const ImageRequest& request, int code, std::string_view why) {
  return {Errno{code}, fmt::format("{}: {}", request.filename, why)};
}

// Every message names the file, and names it once.
Error Named(const ImageRequest& request, const Error& error) {
  return error.message.find(request.filename) != std::string::npos
             ? error
             : Refuse(request, error.code.value(), error.message);
}

bool IsFormat(std::string_view name) {
  const BlockDriver* const driver = FindDriver(name);
  return driver != nullptr && (driver->probe != nullptr || name == "raw");
}

Result<Unit, Error> CheckRequest(const ImageRequest& request) {
  if (!request.format.empty() && !IsFormat(request.format)) {
    return Refuse(request, EINVAL, fmt::format("unknown image format '{}'", request.format));
  }
  const bool window = request.offset != 0 || request.size.has_value();
  if (window && !request.format.empty() && request.format != "raw") {
    return Refuse(request, EINVAL, "an offset or a size can be given for raw images only");
  }
  if (!request.snapshot.empty() && request.writable) {
    return Refuse(request, EINVAL, "a snapshot can be exported read-only only");
  }
  if (request.resizable && request.size.has_value()) {
    return Refuse(request, EINVAL, "a raw image with a fixed size cannot grow");
  }
  return Unit{};
}

// Off the loop: the name may lie on a file system that does not answer.
Task<bool> IsDevice(const std::string& filename) {
  struct stat st{};
  const Result<> r = co_await AioContext::Current().RunBlocking([&filename, &st]() -> Result<> {
    return stat(filename.c_str(), &st) == 0 ? Ok() : Result<>{Errno{errno}};
  });
  co_return r.ok() && (S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode));
}

BlockdevOptions FileBelow(const ImageRequest& request, bool is_device) {
  BlockdevOptions options;
  options.driver = is_device ? "host_device" : "file";
  options.read_only = !request.writable;
  options.discard_unmap = request.discard_unmap;
  options.cache = request.cache;
  options.driver_options = FileOptions{
      .filename = request.filename,
      .aio = request.aio,
      .locking = request.locking,
  };
  return options;
}

BlockdevOptions FormatAbove(const ImageRequest& request, std::string_view format,
                            std::string file_node_name) {
  BlockdevOptions options;
  options.driver = std::string(format);
  options.node_name = request.node_name;
  options.read_only = !request.writable;
  options.discard_unmap = request.discard_unmap;
  options.cache = request.cache;
  BlockdevRef file{.node_name = std::move(file_node_name), .definition = nullptr};
  if (format == "raw") {
    options.driver_options = RawOptions{
        .file = std::move(file),
        .offset = request.offset,
        .size = request.size,
        .probed = request.format.empty(),
    };
  } else {
    Qcow2Options own;
    own.file = std::move(file);
    own.snapshot = request.snapshot;
    own.no_backing = request.no_backing;
    own.named_files.aio = request.aio;
    own.named_files.locking = request.locking;
    options.driver_options = std::move(own);
  }
  return options;
}

// Reads the beginning and the end of the file.
Task<Result<std::string_view>> Probe(const BlockRef& file) {
  const std::uint64_t size = file.size();
  const std::size_t head_bytes = std::min<std::uint64_t>(size, kProbeHeadBytes);
  const Buffer buffer = AioContext::Current().buffers().Get(kProbeHeadBytes);
  const Result<> head = co_await file.Read(0, buffer.vec().First(head_bytes));
  CO_TRY(head);
  const std::string_view format = ProbeFormat({buffer.data(), head_bytes});
  if (format != "raw" || size < kProbeTailBytes) {
    co_return format;
  }
  const Result<> tail =
      co_await file.Read(size - kProbeTailBytes, buffer.vec().First(kProbeTailBytes));
  CO_TRY(tail);
  co_return ProbeTail({buffer.data(), kProbeTailBytes});
}

Task<Result<std::string_view, Error>> GuessFormat(BlockGraph& graph, const ImageRequest& request,
                                                  std::string_view file_node_name) {
  // Who is going to write says so now: if another writer is there, the message is about that.
  const PermissionSet reading{
      .used = kPermConsistentRead | (request.writable ? std::uint32_t{kPermWrite} : 0u),
      .shared = kPermConsistentRead | kPermWriteUnchanged,
  };
  CO_ASSIGN(const BlockRef file, graph.Use(file_node_name, reading, "the format probe"));
  const Result<std::string_view> format = co_await Probe(file);
  if (!format.ok()) {
    co_return Refuse(request, format.error().value(),
                     fmt::format("could not read the image: {}", strerror(format.error().value())));
  }
  if (!IsFormat(*format)) {
    co_return Refuse(request, ENOTSUP,
                     fmt::format("this is an image of the format '{}', which is not supported; "
                                 "give --format raw to export its raw bytes",
                                 *format));
  }
  co_return *format;
}

Task<Result<BlockNode*, Error>> OpenFormat(BlockGraph& graph, const ImageRequest& request,
                                           const std::string& file_node_name) {
  std::string_view format = request.format;
  if (format.empty()) {
    const Result<std::string_view, Error> guess =
        co_await GuessFormat(graph, request, file_node_name);
    CO_TRY(guess);
    format = *guess;
  }
  if (format == "raw" && !request.snapshot.empty()) {
    co_return Refuse(request, EINVAL, "a raw image has no snapshots");
  }
  if (format != "raw" && (request.offset != 0 || request.size.has_value())) {
    co_return Refuse(request, EINVAL,
                     fmt::format("an offset or a size can be given for raw images only, and this "
                                 "one is {}; give --format raw to export its raw bytes",
                                 format));
  }
  const BlockdevOptions options = FormatAbove(request, format, file_node_name);
  const Result<BlockNode*, Error> node = co_await graph.Open(options);
  co_return node;
}

}  // namespace

Task<Result<BlockNode*, Error>> OpenImage(BlockGraph& graph, const ImageRequest& request) {
  CO_TRY(CheckRequest(request));
  const bool is_device = co_await IsDevice(request.filename);
  const BlockdevOptions below = FileBelow(request, is_device);
  const Result<BlockNode*, Error> file = co_await graph.Open(below);
  if (!file.ok()) {
    co_return Named(request, file.error());
  }
  const std::string file_node_name = (*file)->node_name();
  const Result<BlockNode*, Error> node = co_await OpenFormat(graph, request, file_node_name);
  if (!node.ok()) {
    const Result<Unit, Error> removed = co_await graph.Remove(file_node_name);
    static_cast<void>(removed.ok());  // the first error is the one to report
    co_return Named(request, node.error());
  }
  graph.impl().Find(file_node_name)->owned = false;  // closes with the image
  co_return *node;
}

}  // namespace fusebay
