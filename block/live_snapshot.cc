// Puts an overlay on top of a node that is in use.
#include "block/live_snapshot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/align.h"
#include "graph_internal.h"
#include "live_change.h"
#include "qcow2/qcow2_chain.h"

namespace fusebay {

namespace {

Error Fail(int code, std::string message) { return Error{Errno{code}, std::move(message)}; }

constexpr std::uint64_t kSector = 512;

// Whether somebody believes that the overlay has a valid disk already.
bool IsRead(const NodeEntry& entry) {
  return std::any_of(entry.users.begin(), entry.users.end(), [](const BlockRef::Impl* user) {
    return (user->permissions.used & kPermConsistentRead) != 0;
  });
}

// What the overlay has of its own before it has a backing image. An image that says nothing about
// any of its bytes shows just what is below.
Task<bool> IsEmpty(BlockNode& overlay) {
  if (overlay.size() == 0) {
    co_return true;
  }
  const Result<BlockStatus> status = co_await overlay.Status(0, overlay.size());
  co_return status.ok() && !status->allocated && status->length == overlay.size();
}

// Nobody writes it any more, and others may use it as their backing file now, too. Where this does
// not work it stays as it is.
Task<Unit> BecomeReadOnly(BlockGraph::Impl& graph, const NodeEntry& node) {
  if (node.node->read_only()) {
    co_return Unit{};
  }
  BlockdevOptions wanted = CurrentOptions(graph, node);
  wanted.read_only = true;
  std::vector<NodeChange> changes;
  if (PlanChange(graph, std::move(wanted), changes).ok()) {
    const Result<Unit, Error> changed = co_await ApplyChanges(graph, changes);
    static_cast<void>(changed.ok());
  }
  co_return Unit{};
}

}  // namespace

Result<Unit, Error> CheckNoBacking(const NodeEntry& node) {
  for (const BlockRef::Impl* const user : node.users) {
    if (user->role == ChildRole::kBacking) {
      return Fail(EBUSY, fmt::format("Node '{}' is busy: node is used as backing hd of '{}'",
                                     node.node->node_name(), user->parent));
    }
  }
  return Unit{};
}

static Result<Unit, Error> CheckOverlay(const BlockGraph::Impl& graph, const NodeEntry& node,
                                        const NodeEntry& overlay) {
  if (IsRead(overlay)) {
    return Fail(EBUSY, "The overlay is already in use");
  }
  LiveNode* const live = overlay.node->live();
  const BlockRef* const backing = live == nullptr ? nullptr : live->child(ChildRole::kBacking);
  if (backing != nullptr && *backing) {
    return Fail(EINVAL, "The overlay already has a backing image");
  }
  if (backing == nullptr) {
    return Fail(ENOTSUP, "The overlay does not support backing images");
  }
  if (graph.Reaches(node, overlay)) {
    return Fail(EINVAL, fmt::format("Making '{}' a backing child of '{}' would create a cycle",
                                    node.node->node_name(), overlay.node->node_name()));
  }
  return Unit{};
}

// A parent that is a node has learnt its child's size when it was opened, so it gets no less.
Result<Unit, Error> BlockGraph::Impl::MoveUsers(NodeEntry& node, NodeEntry& target) {
  std::vector<BlockRef::Impl*> moving;
  std::vector<BlockRef::Impl*> staying;
  const std::string& target_name = target.node->node_name();
  PermissionSet at_target = Together(target, nullptr);
  for (BlockRef::Impl* const user : node.users) {
    if (user->role != ChildRole::kRoot && user->parent == target_name) {
      staying.push_back(user);
      continue;
    }
    if (user->role != ChildRole::kRoot && target.node->size() < node.node->size()) {
      return Fail(EINVAL, fmt::format("Node '{}' is smaller than '{}', and {} needs all of it",
                                      target_name, node.node->node_name(), user->user));
    }
    if (user->permissions.ConflictsWith(at_target)) {
      return Fail(EBUSY, fmt::format("Node '{}' is busy: {} does not share it with its users",
                                     target_name, user->user));
    }
    moving.push_back(user);
  }
  for (const BlockRef::Impl* const user : moving) {
    at_target = at_target.With(user->permissions);
  }
  if (target.node->read_only() && (at_target.used & (kPermWrite | kPermResize)) != 0) {
    return Fail(EROFS, "Block node is read-only");
  }
  PermissionSet at_node;
  for (const BlockRef::Impl* const user : staying) {
    at_node = at_node.With(user->permissions);
  }
  const PermissionSet before = Together(target, nullptr);
  FB_TRY(target.node->DoSetPermissions(at_target));
  const Result<Unit, Error> left = node.node->DoSetPermissions(at_node);
  if (!left.ok()) {
    FB_ASSERT(target.node->DoSetPermissions(before).ok());  // as it was
    return left;
  }
  for (BlockRef::Impl* const user : moving) {
    node.observers.Remove(user);
    user->entry = &target;
    user->node = target.node.get();
    target.users.push_back(user);
    if (user->observer != nullptr) {
      target.observers.Add(user, user->observer);
    }
  }
  node.users = std::move(staying);
  return Unit{};
}

Result<Unit, Error> BlockGraph::Impl::PutOnTop(NodeEntry& node, NodeEntry& overlay) {
  BlockRef* const slot = overlay.node->live()->child(ChildRole::kBacking);
  auto use = std::make_unique<BlockRef::Impl>();
  const User user = User::Child(overlay.node->node_name(), ChildRole::kBacking);
  for (const BlockRef::Impl* const other : node.users) {
    if (other->role != ChildRole::kRoot && other->parent == user.parent) {  // who stays
      FB_TRY(CheckShared(node, qcow2::kReadStable, user, *other));
    }
  }
  use->graph = this;
  use->entry = &node;
  use->node = node.node.get();
  use->permissions = qcow2::kReadStable;
  use->used.store(qcow2::kReadStable.used, std::memory_order_relaxed);
  use->user = user.name;
  use->parent = user.parent;
  use->role = user.role;
  node.users.push_back(use.get());
  const Result<Unit, Error> moved = MoveUsers(node, overlay);
  if (!moved.ok()) {
    std::erase(node.users, use.get());
    return moved;
  }
  *slot = BlockRef(std::move(use));
  return Unit{};
}

// The node may have got another size since the overlay was made for it. REQUIRES: a drained graph,
// and an overlay without a backing image.
static Task<Result<Unit, Error>> ResizeLike(const NodeEntry& node, NodeEntry& overlay) {
  const std::uint64_t size = AlignUp(node.node->size(), kSector);
  if (overlay.node->size() == size) {
    co_return Unit{};
  }
  const Result<> resized = co_await overlay.node->Truncate(size, Prealloc::kOff);
  if (!resized.ok()) {
    co_return Fail(resized.error().value(),
                   fmt::format("Could not resize '{}': {}", overlay.node->node_name(),
                               std::strerror(resized.error().value())));
  }
  co_return Unit{};
}

static Task<Result<Unit, Error>> FlushBefore(NodeEntry& node) {
  const Result<> flushed = co_await node.node->Flush(FlushMode::kDisk);
  if (!flushed.ok()) {
    co_return Fail(flushed.error().value(), "An IO error has occurred");
  }
  co_return Unit{};
}

// Everybody waits for a drain: most of the flush is done before, and only what has been written
// meanwhile is left.
Task<Result<Unit, Error>> AppendOverlay(BlockGraph& graph, const std::string& node_name,
                                        const std::string& overlay_name, OverlaySize overlay_size) {
  BlockGraph::Impl& impl = graph.impl();
  NodeEntry* const node = impl.Find(node_name);
  NodeEntry* const overlay = impl.Find(overlay_name);
  if (node == nullptr || overlay == nullptr) {
    co_return NoSuchNode(node == nullptr ? node_name : overlay_name,
                         node == nullptr ? node_name : overlay_name);
  }
  CO_TRY(CheckNoBacking(*node));
  CO_TRY(co_await FlushBefore(*node));
  const BlockGraph::Alone alone = co_await graph.DrainAlone();
  CO_TRY(CheckNoJob(impl, *node));
  CO_TRY(CheckNoBacking(*node));
  CO_TRY(co_await FlushBefore(*node));
  CO_TRY(CheckOverlay(impl, *node, *overlay));
  if (overlay_size == OverlaySize::kOfNode) {
    CO_TRY(co_await ResizeLike(*node, *overlay));
  }
  const bool is_empty = co_await IsEmpty(*overlay->node);
  const std::uint64_t old_size = node->node->size();
  CO_TRY(CheckOverlay(impl, *node, *overlay));  // others had their turn
  CO_TRY(impl.PutOnTop(*node, *overlay));
  const std::uint64_t size = overlay->node->size();
  if (!is_empty) {
    TellAbove(impl, *overlay);
  }
  if (size != old_size) {
    overlay->observers.TellResized(nullptr, size);
  }
  co_await BecomeReadOnly(impl, *node);
  co_return Unit{};
}

Task<Result<Unit, Error>> TakeSnapshot(BlockGraph& graph, const std::string& node_name,
                                       const std::string& overlay_name) {
  const CoMutex::Guard guard = co_await graph.impl().changing.Lock();
  const Result<Unit, Error> taken =
      co_await AppendOverlay(graph, node_name, overlay_name, OverlaySize::kAsItIs);
  co_return taken;
}

}  // namespace fusebay
