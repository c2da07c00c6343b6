// `fusebay info` and `fusebay img info`: opens the image, or its whole chain, and asks.
#include "info_run.h"

#include <fmt/format.h>

#include <array>

#include "block/open_image.h"
#include "command_loop.h"
#include "info_render.h"
#include "output_format.h"

namespace fusebay {

namespace {

constexpr std::array kSpecs = {
    OptionSpec{"format", 'f', "FORMAT", "raw or qcow2 (guessed by content)",
               OptionValue::kRequired},
    OptionSpec{"output", 0, "FORMAT", "human or json (human)", OptionValue::kRequired},
    OptionSpec{"backing-chain", 0, "", "Also tell about the image's backing files"},
    OptionSpec{"force-share", 'U', "", "Look even if the image is being written"},
};

struct InfoRequest {
  ImageRequest image;
  OutputFormat output = OutputFormat::kHuman;
  bool backing_chain = false;
};

Error Usage(std::string message) { return Error{Errno(EINVAL), std::move(message)}; }

Result<InfoRequest, Error> ParseInfo(const ParsedArguments& arguments) {
  InfoRequest request;
  if (arguments.operands.size() != 1 || arguments.operands.front().empty()) {
    return Usage("exactly one image is expected");
  }
  request.image.filename = arguments.operands.front();
  if (const std::string* const format = arguments.Value("format"); format != nullptr) {
    if (*format != "raw" && *format != "qcow2") {
      return Usage(fmt::format("unknown format '{}' (raw or qcow2)", *format));
    }
    request.image.format = *format;
  }
  request.image.no_backing = true;
  if (arguments.Has("force-share")) {
    request.image.locking = OnOffAuto::kOff;
  }
  request.backing_chain = arguments.Has("backing-chain");
  FB_ASSIGN(request.output, ParseOutputFormat(arguments));
  return request;
}

// The use of the node takes the locks of a reader who wants nobody to write meanwhile.
Task<Result<ImageInfo, Error>> InfoOfNode(BlockGraph& graph, BlockNode& node) {
  const PermissionSet reader{kPermConsistentRead, kPermConsistentRead | kPermWriteUnchanged};
  CO_ASSIGN(const BlockRef ref, graph.Use(node.node_name(), reader, "info"));
  Result<ImageInfo, Error> info = co_await node.Info();
  co_return info;
}

Task<Result<ImageInfo, Error>> InfoOf(const ImageRequest& request) {
  BlockGraph graph;
  const Result<BlockNode*, Error> node = co_await OpenImage(graph, request);
  CO_TRY(node);
  Result<ImageInfo, Error> info = co_await InfoOfNode(graph, **node);
  const Result<Unit, Error> closed = co_await graph.CloseAll();
  if (info.ok() && !closed.ok()) {
    co_return closed.error();
  }
  co_return info;
}

Task<Result<std::vector<ImageInfo>, Error>> Collect(const InfoRequest& request) {
  std::vector<ImageInfo> images;
  ImageRequest next = request.image;
  while (images.size() < BlockGraph::kMaxDepth) {
    Result<ImageInfo, Error> info = co_await InfoOf(next);
    CO_TRY(info);
    images.push_back(std::move(*info));
    const ImageInfo& last = images.back();
    if (!request.backing_chain || last.full_backing_filename.empty()) {
      co_return images;
    }
    next.filename = last.full_backing_filename;
    next.format = last.backing_format;
  }
  co_return Error{Errno(ELOOP), fmt::format("{}: the chain of backing files is longer than {}",
                                            request.image.filename, BlockGraph::kMaxDepth)};
}

}  // namespace

std::span<const OptionSpec> InfoOptions() { return kSpecs; }

int RunInfo(std::string_view command, const ParsedArguments& arguments) {
  const auto request = ParseInfo(arguments);
  if (!request.ok()) {
    return PrintUsageError(command, request.error().message);
  }
  return RunOnLoop(command, EngineKind::kThreads, [&](AioContext& loop) {
    const auto images = loop.RunUntilDone(Collect(*request));
    if (!images.ok()) {
      PrintError(command, images.error().message);
      return kExitFailure;
    }
    return PrintOutput(command, request->output == OutputFormat::kJson
                                    ? RenderInfoJson(*images, request->backing_chain)
                                    : RenderInfoText(*images));
  });
}

}  // namespace fusebay
