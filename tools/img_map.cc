// `fusebay img map`: where an image and its backing files have what the disk holds.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/align.h"
#include "block/open_image.h"
#include "command_loop.h"
#include "img.h"
#include "map_lines.h"
#include "values.h"

namespace fusebay {

namespace {

constexpr std::string_view kName = "img map";
constexpr std::uint64_t kSector = 512;
constexpr std::size_t kPrintAtBytes = 64 << 10;

constexpr std::array kSpecs = {
    OptionSpec{"format", 'f', "FORMAT", "raw or qcow2 (guessed by content)",
               OptionValue::kRequired},
    OptionSpec{"output", 0, "FORMAT", "human or json (human)", OptionValue::kRequired},
    OptionSpec{"start-offset", 's', "OFFSET", "Begin there", OptionValue::kRequired},
    OptionSpec{"max-length", 'l', "LENGTH", "Tell about so many bytes at most",
               OptionValue::kRequired},
    OptionSpec{"force-share", 'U', "", "Look even if the image is being written"},
};

struct MapRequest {
  ImageRequest image;
  OutputFormat output = OutputFormat::kHuman;
  std::uint64_t start = 0;
  std::uint64_t length = INT64_MAX;
};

Error Usage(std::string message) { return Error{Errno(EINVAL), std::move(message)}; }

Result<MapRequest, Error> ParseMap(const ParsedArguments& arguments) {
  MapRequest request;
  if (arguments.operands.size() != 1 || arguments.operands.front().empty()) {
    return Usage("Expecting one image file name");
  }
  request.image.filename = arguments.operands.front();
  if (const std::string* const format = arguments.Value("format"); format != nullptr) {
    if (*format != "raw" && *format != "qcow2") {
      return Usage(fmt::format("unknown format '{}' (raw or qcow2)", *format));
    }
    request.image.format = *format;
  }
  if (const std::string* const start = arguments.Value("start-offset"); start != nullptr) {
    FB_ASSIGN(request.start, ParseImageSizeOf("start offset", *start));
  }
  if (const std::string* const length = arguments.Value("max-length"); length != nullptr) {
    FB_ASSIGN(request.length, ParseImageSizeOf("max length", *length));
  }
  if (arguments.Has("force-share")) {
    request.image.locking = OnOffAuto::kOff;
  }
  FB_ASSIGN(request.output, ParseOutputFormat(arguments));
  return request;
}

// Names of the files that bytes are in.
class Filenames {
 public:
  Task<Result<std::string, Error>> Of(BlockNode& file) {
    const auto it = names_.find(&file);
    if (it != names_.end()) {
      co_return it->second;
    }
    Result<ImageInfo, Error> info = co_await file.Info();
    CO_TRY(info);
    names_.emplace(&file, info->filename);
    co_return std::move(info->filename);
  }

 private:
  std::map<const BlockNode*, std::string> names_;
};

// A disk that ends within a sector has zeroes in the rest of it.
Task<Result<BlockStatus>> StatusAt(const BlockRef& disk, std::uint64_t offset,
                                   std::uint64_t length) {
  const std::uint64_t at = std::min(offset, disk.size() - 1);
  Result<BlockStatus> status = co_await disk.Status(at, length);
  if (status.ok() && at < offset) {
    status->length = length;
    status->data = false;
    status->zero = true;
    status->file_offset += offset - at;
  }
  co_return status;
}

MapEntry EntryOf(std::uint64_t offset, const BlockStatus& status) {
  MapEntry entry{offset,      status.length, status.depth, status.allocated,
                 status.zero, status.data,   {},           {}};
  if (status.file != nullptr) {
    entry.offset = status.file_offset;
  }
  return entry;
}

// An error has no message, for it has been told already.
Result<Unit, Error> Print(MapLines& lines) {
  return PrintOutput(kName, lines.Take()) == kExitOk ? Result<Unit, Error>(Unit{})
                                                     : Error{Errno{EIO}, ""};
}

Task<Result<Unit, Error>> MapDisk(const BlockRef& disk, const MapRequest& request) {
  MapLines lines(request.output);
  Filenames names;
  std::uint64_t at = request.start;
  const std::uint64_t disk_end = AlignUp(disk.size(), kSector);
  const std::uint64_t end = std::min(disk_end, request.start + request.length);
  Result<Unit, Error> added = Unit{};
  while (at < end && added.ok()) {
    const Result<BlockStatus> status = co_await StatusAt(disk, at, end - at);
    if (!status.ok()) {
      co_return Error{status.error(), "Failed to read image metadata"};
    }
    MapEntry entry = EntryOf(at, *status);
    if (status->file != nullptr) {
      CO_ASSIGN(entry.filename, co_await names.Of(*status->file));
    }
    added = lines.Add(entry);
    at += status->length;
    if (lines.waiting() >= kPrintAtBytes) {
      CO_TRY(Print(lines));
    }
  }
  if (added.ok()) {
    added = lines.Finish(request.start);
  }
  CO_TRY(Print(lines));
  co_return added;
}

Task<Result<Unit, Error>> UseAndMap(BlockGraph& graph, BlockNode& node, const MapRequest& request) {
  const PermissionSet reader{kPermConsistentRead, kPermConsistentRead | kPermWriteUnchanged};
  CO_ASSIGN(const BlockRef disk, graph.Use(node.node_name(), reader, "map"));
  const Result<Unit, Error> mapped = co_await MapDisk(disk, request);
  co_return mapped;
}

Task<Result<Unit, Error>> Map(const MapRequest& request) {
  BlockGraph graph;
  const Result<BlockNode*, Error> node = co_await OpenImage(graph, request.image);
  CO_TRY(node);
  const Result<Unit, Error> mapped = co_await UseAndMap(graph, **node, request);
  const Result<Unit, Error> closed = co_await graph.CloseAll();
  CO_TRY(mapped);
  co_return closed;
}

int Run(const ParsedArguments& arguments) {
  const auto request = ParseMap(arguments);
  if (!request.ok()) {
    return PrintUsageError(kName, request.error().message);
  }
  return RunOnLoop(kName, EngineKind::kThreads, [&](AioContext& loop) {
    const Result<Unit, Error> mapped = loop.RunUntilDone(Map(*request));
    if (!mapped.ok() && !mapped.error().message.empty()) {
      PrintError(kName, mapped.error().message);
    }
    return mapped.ok() ? kExitOk : kExitFailure;
  });
}

}  // namespace

const Subcommand kImgMapCommand = {
    "map",
    "show where an image has its data",
    "[OPTION]... IMAGE",
    "Shows which bytes of the disk are in which file: with --output=human those that are there as\n"
    "they are read, with --output=json all, also those that read as zeroes, with the depth in the\n"
    "chain of backing files of the image that has them. The forms are those of qemu-img map.",
    [] { return std::span<const OptionSpec>(kSpecs); },
    Run,
};

}  // namespace fusebay
