// Resizes a node that is in use, and gives an image another name for its backing file.
#include <fmt/format.h>

#include <cstring>

#include "block/live_reopen.h"
#include "live_change.h"

namespace fusebay {

namespace {

constexpr PermissionSet kResizer{kPermResize, kPermAll};

Error Fail(int code, std::string message) { return Error{Errno{code}, std::move(message)}; }

Error CannotResize(const std::string& node_name, Errno code) {
  if (code == Errno{ENOTSUP}) {
    return Fail(ENOTSUP, "Image format driver does not support resize");
  }
  if (code == Errno{EFBIG}) {
    return Fail(EFBIG, "The new size is too large");
  }
  return Fail(code.value(),
              fmt::format("Could not resize '{}': {}", node_name, std::strerror(code.value())));
}

// What must be writable to change the header of an image.
Result<std::vector<NodeChange>, Error> MadeWritable(const BlockGraph::Impl& graph,
                                                    const NodeEntry& image) {
  std::vector<NodeChange> changes;
  const NodeEntry* const file = graph.ChildOf(image, ChildRole::kFile);
  for (const NodeEntry* const entry : {file, &image}) {
    if (entry != nullptr && entry->node->read_only()) {
      BlockdevOptions wanted = CurrentOptions(graph, *entry);
      wanted.read_only = false;
      wanted.auto_read_only = false;  // or an error
      FB_TRY(PlanChange(graph, std::move(wanted), changes));
    }
  }
  return changes;
}

Task<Result<Unit, Error>> Rename(BlockGraph::Impl& graph, NodeEntry& image,
                                 const std::string& backing_file) {
  const NodeEntry* const backing = graph.ChildOf(image, ChildRole::kBacking);
  const std::string format(backing->node->driver_name());
  CO_ASSIGN(std::vector<NodeChange> changes, MadeWritable(graph, image));
  CO_TRY(co_await ApplyChanges(graph, changes));
  const Result<> renamed = co_await image.node->live()->RenameBacking(backing_file, format);
  for (NodeChange& change : changes) {
    std::swap(change.wanted, change.before);
  }
  const Result<Unit, Error> restored = co_await ApplyChanges(graph, changes);
  if (!renamed.ok()) {
    co_return Fail(renamed.error().value(),
                   fmt::format("Could not change backing file to '{}': {}", backing_file,
                               std::strerror(renamed.error().value())));
  }
  co_return restored;
}

bool IsInChain(const BlockGraph::Impl& graph, const NodeEntry* top, const NodeEntry& image) {
  while (top != nullptr && top != &image) {
    top = graph.ChildOf(*top, ChildRole::kBacking);
  }
  return top == &image;
}

}  // namespace

Task<Result<Unit, Error>> ResizeNode(BlockGraph& graph, const std::string& node_name,
                                     std::uint64_t size) {
  BlockGraph::Impl& impl = graph.impl();
  const CoMutex::Guard guard = co_await impl.changing.Lock();
  const BlockGraph::Alone alone = co_await graph.DrainAlone();
  const NodeEntry* const entry = impl.Find(node_name);
  if (entry == nullptr) {
    co_return NoSuchNode("", node_name);
  }
  CO_TRY(CheckNoJob(impl, *entry));
  CO_TRY(CheckNoBacking(*entry));
  if (entry->node->read_only()) {
    co_return Fail(EACCES, "Image is read-only");
  }
  CO_ASSIGN(const BlockRef ref, graph.Use(node_name, kResizer, "block_resize"));
  const Result<> resized = co_await ref.Truncate(size, Prealloc::kOff);
  if (!resized.ok()) {
    co_return CannotResize(node_name, resized.error());
  }
  co_return Unit{};
}

Task<Result<Unit, Error>> ChangeBackingFile(BlockGraph& graph, const std::string& node_name,
                                            const std::string& image_node_name,
                                            const std::string& backing_file) {
  BlockGraph::Impl& impl = graph.impl();
  const CoMutex::Guard guard = co_await impl.changing.Lock();
  const BlockGraph::Alone alone = co_await graph.DrainAlone();
  const NodeEntry* const top = impl.Find(node_name);
  if (top == nullptr) {
    co_return NoSuchNode(node_name, node_name);
  }
  NodeEntry* const image = impl.Find(image_node_name);
  if (image == nullptr) {
    co_return NoSuchNode("", image_node_name);
  }
  if (impl.ChildOf(*image, ChildRole::kBacking) == nullptr) {
    co_return Fail(EINVAL, "not allowing backing file change on an image without a backing file");
  }
  if (!IsInChain(impl, top, *image)) {
    co_return Fail(EINVAL, fmt::format("'{}' and image file are not in the same chain", node_name));
  }
  const Result<Unit, Error> renamed = co_await Rename(impl, *image, backing_file);
  co_return renamed;
}

}  // namespace fusebay
