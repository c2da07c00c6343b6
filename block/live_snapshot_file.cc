// Makes or opens an overlay file for a live snapshot.
#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "base/align.h"
#include "block/live_snapshot.h"
#include "block/new_file.h"
#include "block/qcow2_create.h"
#include "live_change.h"

namespace fusebay {

namespace {

constexpr std::uint64_t kSector = 512;
constexpr PermissionSet kMaker{kPermConsistentRead | kPermWrite | kPermResize, 0};

Error Fail(int code, std::string message) { return Error{Errno{code}, std::move(message)}; }

Result<Unit, Error> CheckFormat(const std::string& format) {
  if (FindDriver(format) == nullptr) {
    return Fail(EINVAL, fmt::format("Unknown file format '{}'", format));
  }
  if (format != "qcow2") {
    return Fail(ENOTSUP, fmt::format("Backing file not supported for file format '{}'", format));
  }
  return Unit{};
}

// The file is opened as that of the node below is.
BlockdevOptions FileOptionsLike(const BlockGraph::Impl& graph, const NodeEntry& node,
                                const std::string& filename) {
  BlockdevOptions options;
  options.driver = "file";
  FileOptions own;
  own.filename = filename;
  const NodeEntry* const below = graph.ChildOf(node, ChildRole::kFile);
  const BlockdevOptions& like = below == nullptr ? node.options : below->options;
  if (const auto* const file = std::get_if<FileOptions>(&like.driver_options)) {
    own.aio = file->aio;
    own.locking = file->locking;
  }
  options.cache = like.cache;
  options.discard_unmap = like.discard_unmap;
  options.driver_options = std::move(own);
  return options;
}

// In a graph of its own: the file is nobody's yet.
Task<Result<Unit, Error>> WriteImage(BlockGraph& graph, const BlockdevOptions& file_options,
                                     const Qcow2CreateOptions& image) {
  CO_ASSIGN(const BlockNode* const node, co_await graph.Open(file_options));
  CO_ASSIGN(const BlockRef file, graph.Use(node->node_name(), kMaker, "the snapshot"));
  const Result<Unit, Error> created = co_await CreateQcow2(file, BlockRef(), image);
  co_return created;
}

Task<Result<Unit, Error>> MakeImage(const BlockdevOptions& file_options, const NodeEntry& node,
                                    const std::string& filename) {
  CO_ASSIGN(const ImageInfo base, co_await node.node->Info());
  Qcow2CreateOptions image;
  image.size = AlignUp(node.node->size(), kSector);
  // The process may have gone to another folder since the base was opened.
  std::error_code error;
  image.backing_file = NameInImage(std::filesystem::absolute(filename, error).string(), base);
  image.backing_format = node.node->driver_name();
  BlockGraph graph;
  const Result<Unit, Error> written = co_await WriteImage(graph, file_options, image);
  const Result<Unit, Error> closed = co_await graph.CloseAll();
  CO_TRY(written);
  co_return closed;
}

bool IsWindow(const NodeEntry& node) {
  const auto* const raw = std::get_if<RawOptions>(&node.options.driver_options);
  return raw != nullptr && (raw->offset != 0 || raw->size.has_value());
}

// The overlay can name a file and its format, but no window of a file, and no filter.
Result<Unit, Error> CheckHasName(const BlockGraph::Impl& graph, const NodeEntry& node) {
  const NodeEntry* at = &node;
  while (const NodeEntry* const below = graph.ChildOf(*at, ChildRole::kFile)) {
    if (std::holds_alternative<CompressOptions>(at->options.driver_options)) {
      break;
    }
    if (IsWindow(*at)) {
      return Fail(ENOTSUP, fmt::format("Node '{}' shows a part of its file, which cannot be named "
                                       "as a backing file",
                                       at->node->node_name()));
    }
    at = below;
  }
  if (!std::holds_alternative<FileOptions>(at->options.driver_options)) {
    return Fail(ENOTSUP, fmt::format("Node '{}' of driver '{}' cannot be named as a backing file",
                                     at->node->node_name(), at->node->driver_name()));
  }
  return Unit{};
}

Task<Result<NewFile, Error>> MakeFile(const std::string& filename) {
  std::optional<Result<NewFile, Error>> made;
  const Result<> called = co_await AioContext::Current().RunBlocking([&made, &filename] {
    made.emplace(NewFile::Make(filename, {}));
    return Ok();
  });
  FB_ASSERT(called.ok());
  co_return std::move(*made);
}

Result<Unit, Error> CheckRequest(const BlockGraph::Impl& graph, const NodeEntry& node,
                                 const SnapshotSyncRequest& request) {
  if (request.overlay_name.empty()) {
    return Fail(EINVAL, "New overlay node-name missing");
  }
  if (graph.Find(request.overlay_name) != nullptr) {
    return Fail(EEXIST, "New overlay node-name already in use");
  }
  FB_TRY(CheckNoBacking(node));
  FB_TRY(CheckFormat(request.format));
  FB_TRY(graph.CheckName(request.overlay_name));
  return request.existing ? Unit{} : CheckHasName(graph, node);
}

}  // namespace

Task<Result<Unit, Error>> TakeSnapshotInFile(BlockGraph& graph,
                                             const SnapshotSyncRequest& request) {
  BlockGraph::Impl& impl = graph.impl();
  const CoMutex::Guard guard = co_await impl.changing.Lock();
  const NodeEntry* const node = impl.Find(request.node_name);
  if (node == nullptr) {
    co_return NoSuchNode("", request.node_name);
  }
  CO_TRY(CheckRequest(impl, *node, request));
  BlockdevOptions file = FileOptionsLike(impl, *node, request.filename);
  std::optional<NewFile> made;
  if (!request.existing) {
    CO_ASSIGN(NewFile created, co_await MakeFile(request.filename));
    made.emplace(std::move(created));
    CO_TRY(co_await MakeImage(file, *node, request.filename));
  }
  BlockdevOptions overlay;
  overlay.driver = request.format;
  overlay.node_name = request.overlay_name;
  overlay.cache = file.cache;
  overlay.discard_unmap = file.discard_unmap;
  Qcow2Options own;
  own.file.definition = std::make_unique<BlockdevOptions>(std::move(file));
  own.no_backing = true;
  overlay.driver_options = std::move(own);
  CO_ASSIGN(NodeEntry* const entry, co_await impl.Open(graph, overlay, 0));
  entry->owned = false;
  const Result<Unit, Error> taken =
      co_await AppendOverlay(graph, request.node_name, request.overlay_name,
                             made.has_value() ? OverlaySize::kOfNode : OverlaySize::kAsItIs);
  if (taken.ok() && made.has_value()) {
    made->Keep();
  }
  const Result<Unit, Error> closed = co_await impl.CloseUnused();
  CO_TRY(taken);
  co_return closed;
}

}  // namespace fusebay
