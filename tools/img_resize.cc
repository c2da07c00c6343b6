// `fusebay img resize`: makes the disk of an image larger or smaller.
#include <fmt/format.h>

#include <array>
#include <cstring>

#include "base/align.h"
#include "block/open_image.h"
#include "command_loop.h"
#include "img.h"
#include "values.h"

namespace fusebay {

namespace {

constexpr std::string_view kName = "img resize";
constexpr std::uint64_t kSector = 512;
constexpr PermissionSet kResizer{kPermConsistentRead | kPermWrite | kPermResize,
                                 kPermConsistentRead};

constexpr std::array kSpecs = {
    OptionSpec{"format", 'f', "FORMAT", "raw or qcow2 (guessed by content)",
               OptionValue::kRequired},
    OptionSpec{"preallocation", 0, "MODE", "off, metadata, falloc or full: of the new part (off)",
               OptionValue::kRequired},
    OptionSpec{"shrink", 0, "", "Let the disk become smaller"},
    OptionSpec{"quiet", 'q', "", "Print nothing but errors"},
};

constexpr std::array<std::string_view, 4> kPreallocNames = {"off", "metadata", "falloc", "full"};

struct ResizeRequest {
  ImageRequest image;
  char sign = 0;  // '+', '-', or 0: `amount` is the new size
  std::uint64_t amount = 0;
  Prealloc prealloc = Prealloc::kOff;
  bool shrink = false;
};

Error Usage(std::string message) { return Error{Errno(EINVAL), std::move(message)}; }

Result<Prealloc, Error> ParsePrealloc(const std::string& name) {
  for (std::size_t i = 0; i < kPreallocNames.size(); ++i) {
    if (kPreallocNames[i] == name) {
      return static_cast<Prealloc>(i);
    }
  }
  return Usage(fmt::format("Invalid preallocation mode '{}'", name));
}

Result<Unit, Error> ParseAmount(std::string_view text, ResizeRequest& request) {
  if (text.starts_with('+') || text.starts_with('-')) {
    request.sign = text.front();
    text.remove_prefix(1);
  }
  const Result<std::uint64_t> amount = ParseImageSize(text);
  if (!amount.ok() && amount.error() == Errno{ERANGE}) {
    return Usage(fmt::format("Value '{}' is out of range for parameter 'size'", text));
  }
  if (!amount.ok()) {
    return Usage(
        "Parameter 'size' expects a non-negative number below 2^64\n"
        "Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\n"
        "and exabytes, respectively.");
  }
  request.amount = *amount;
  return Unit{};
}

Result<ResizeRequest, Error> Parse(const ParsedArguments& arguments) {
  if (arguments.operands.size() < 2) {
    return Usage("Not enough arguments");
  }
  if (arguments.operands.size() > 2 || arguments.operands.front().empty()) {
    return Usage("Expecting image file name and size");
  }
  ResizeRequest request;
  request.image.filename = arguments.operands.front();
  request.image.writable = true;
  request.image.resizable = true;
  if (const std::string* const format = arguments.Value("format")) {
    request.image.format = *format;
  }
  if (const std::string* const mode = arguments.Value("preallocation")) {
    FB_ASSIGN(request.prealloc, ParsePrealloc(*mode));
  }
  request.shrink = arguments.Has("shrink");
  FB_TRY(ParseAmount(arguments.operands.back(), request));
  return request;
}

// Nothing has more than 2^63 - 1 bytes; what is more counts as less than nothing, as in qemu-img.
Result<std::uint64_t, Error> NewSize(const ResizeRequest& request, const BlockNode& node) {
  std::uint64_t size = request.amount;
  if (request.sign != 0) {
    size = request.sign == '+' ? node.size() + size : node.size() - size;
  }
  if (size == 0 || size > INT64_MAX) {
    return Usage("New image size must be positive");
  }
  if (size <= node.size() && request.prealloc != Prealloc::kOff) {
    return Usage("Preallocation can only be used for growing images");
  }
  if (size < node.size() && !request.shrink) {
    return Usage(
        "Use the --shrink option to perform a shrink operation.\n"
        "warning: Shrinking an image will delete all data beyond the shrunken image's end. Before "
        "performing such an operation, make sure there is no important data there.");
  }
  if (node.driver_name() == "qcow2" && !IsAligned(size, kSector)) {
    return Usage("The new size must be a multiple of 512");
  }
  return size;
}

// What an error code of Truncate means.
Error Explain(const ResizeRequest& request, Errno code, const BlockNode& node,
              const ImageInfo& info) {
  const char* const reason = std::strerror(code.value());
  if (node.driver_name() == "qcow2") {
    return Error{code, code == Errno{EFBIG} ? fmt::format("Failed to grow the L1 table: {}", reason)
                                            : fmt::format("{}: could not resize the image: {}",
                                                          info.filename, reason)};
  }
  if (request.prealloc != Prealloc::kOff && code == Errno{ENOTSUP}) {
    return Error{code, fmt::format("Unsupported preallocation mode: {}",
                                   kPreallocNames[static_cast<std::size_t>(request.prealloc)])};
  }
  if (code == Errno{ENOTSUP} || code == Errno{EINVAL}) {
    return Error{code, "Cannot resize device files"};
  }
  return Error{code, fmt::format("Could not resize file: {}", reason)};
}

bool IsOldWithSnapshots(const ImageInfo& info) {
  const std::pair<std::string, ImageInfo::Value> old{"compat", std::string("0.10")};
  return !info.snapshots.empty() && !info.specific.empty() && info.specific.front() == old;
}

Task<Result<Unit, Error>> UseAndResize(BlockGraph& graph, BlockNode& node,
                                       const ResizeRequest& request) {
  CO_ASSIGN(const BlockRef disk, graph.Use(node.node_name(), kResizer, "resize"));
  CO_ASSIGN(const std::uint64_t size, NewSize(request, node));
  CO_ASSIGN(const ImageInfo info, co_await node.Info());
  if (IsOldWithSnapshots(info)) {
    co_return Error{Errno{ENOTSUP}, "Can't resize a v2 image which has snapshots"};
  }
  Result<> done = co_await disk.Truncate(size, request.prealloc);
  if (done.ok()) {
    done = co_await disk.Flush(FlushMode::kDisk);
  }
  if (!done.ok()) {
    co_return Explain(request, done.error(), node, info);
  }
  co_return Unit{};
}

Task<Result<Unit, Error>> Resize(const ResizeRequest& request) {
  BlockGraph graph;
  const Result<BlockNode*, Error> node = co_await OpenImage(graph, request.image);
  CO_TRY(node);
  const Result<Unit, Error> resized = co_await UseAndResize(graph, **node, request);
  const Result<Unit, Error> closed = co_await graph.CloseAll();
  CO_TRY(resized);
  co_return closed;
}

int Run(const ParsedArguments& arguments) {
  const auto request = Parse(arguments);
  if (!request.ok()) {
    static_cast<void>(PrintUsageError(kName, request.error().message));
    return kExitFailure;
  }
  return RunOnLoop(kName, EngineKind::kThreads, [&](AioContext& loop) {
    const Result<Unit, Error> resized = loop.RunUntilDone(Resize(*request));
    if (!resized.ok()) {
      PrintError(kName, resized.error().message);
      return kExitFailure;
    }
    return arguments.Has("quiet") ? kExitOk : PrintOutput(kName, "Image resized.\n");
  });
}

}  // namespace

const Subcommand kImgResizeCommand = {
    "resize",
    "make the disk of an image larger or smaller",
    "[OPTION]... FILE [+|-]SIZE",
    "Gives the disk in FILE SIZE bytes (with a suffix k, M, G, T, P or E: of 1024, ...), or with "
    "+\n"
    "or - so many more or less. What is new reads as zeroes; what lies past the new end is lost.\n"
    "Options and messages are those of qemu-img.",
    [] { return std::span<const OptionSpec>(kSpecs); },
    Run,
    nullptr,
    kExitFailure,
};

}  // namespace fusebay
