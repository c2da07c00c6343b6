// Changes the options of open nodes.
#include "block/live_reopen.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <tuple>

#include "core/log.h"
#include "live_change.h"
#include "qcow2/qcow2_chain.h"

namespace fusebay {

namespace {

constexpr std::uint32_t kWriting = kPermWrite | kPermResize;
constexpr ChildRole kChildRoles[] = {ChildRole::kFile, ChildRole::kBacking, ChildRole::kDataFile};

Error Fail(int code, std::string message) { return Error{Errno{code}, std::move(message)}; }

Error Fixed(std::string_view prefix, std::string_view option) {
  return Fail(EINVAL, fmt::format("Cannot change the option '{}{}'", prefix, option));
}

// What the options say about a child; null: they have no such child.
BlockdevRef* RefIn(BlockdevOptions& options, ChildRole role) {
  if (auto* const raw = std::get_if<RawOptions>(&options.driver_options)) {
    return role == ChildRole::kFile ? &raw->file : nullptr;
  }
  auto* const qcow2 = std::get_if<Qcow2Options>(&options.driver_options);
  if (qcow2 == nullptr || role == ChildRole::kRoot) {
    return nullptr;
  }
  if (role == ChildRole::kFile) {
    return &qcow2->file;
  }
  return role == ChildRole::kBacking ? &qcow2->backing : &qcow2->data_file;
}

Error Cycle(std::string_view child, ChildRole role, std::string_view parent) {
  return Fail(EINVAL, fmt::format("Making '{}' a {} child of '{}' would create a cycle", child,
                                  NameOf(role), parent));
}

bool HasNoBacking(const BlockdevOptions& options) {
  const auto* const qcow2 = std::get_if<Qcow2Options>(&options.driver_options);
  return qcow2 != nullptr && qcow2->no_backing;
}

std::uint32_t UsedBy(const NodeEntry& entry) {
  return BlockGraph::Impl::Together(entry, nullptr).used;
}

// One plan for one level of definitions.
class Planner {
 public:
  Planner(const BlockGraph::Impl& graph, std::vector<NodeChange>& changes)
      : graph_(graph), changes_(changes) {}

  Result<Unit, Error> Add(NodeEntry& entry, BlockdevOptions wanted, const std::string& prefix) {
    const BlockdevOptions& now = entry.options;
    LiveNode* const live = entry.node->live();
    if (live == nullptr || !live->can_reopen()) {
      return Fail(
          ENOTSUP,
          fmt::format("Block format '{}' used by node '{}' does not support reopening files",
                      entry.node->driver_name(), entry.node->node_name()));
    }
    FB_TRY(CheckNoJob(graph_, entry));
    if (wanted.driver != now.driver ||
        wanted.driver_options.index() != now.driver_options.index()) {
      return Fixed(prefix, "driver");
    }
    if (!wanted.node_name.empty() && wanted.node_name != entry.node->node_name()) {
      return Fixed(prefix, "node-name");
    }
    for (const ChildRole role : kChildRoles) {
      FB_TRY(AddChild(entry, wanted, role, prefix));
    }
    const std::string_view fixed = live->FixedOption(now, wanted);
    if (!fixed.empty()) {
      return Fixed(prefix, fixed);
    }
    FB_TRY(CheckDetectZeroes(wanted));
    changes_.push_back(
        {&entry, std::move(wanted), CurrentOptions(graph_, entry), entry.node->size()});
    return Unit{};
  }

 private:
  Result<Unit, Error> AddChild(NodeEntry& entry, BlockdevOptions& wanted, ChildRole role,
                               const std::string& prefix) {
    BlockdevRef* const ref = RefIn(wanted, role);
    if (ref == nullptr) {
      return Unit{};
    }
    const std::string& name = entry.node->node_name();
    NodeEntry* const now = graph_.ChildOf(entry, role);
    if (ref->definition != nullptr) {
      const std::string below = fmt::format("{}{}.", prefix, NameOf(role));
      if (now == nullptr || now->owned) {
        return Fixed(below, "driver");  // a child by reference keeps its own options
      }
      FB_TRY(Add(*now, CopyOf(*ref->definition), below));
      ref->definition = nullptr;
      ref->node_name = now->node->node_name();
      return Unit{};
    }
    if (ref->node_name.empty()) {
      const bool is_missing = role == ChildRole::kBacking && !HasNoBacking(wanted) &&
                              (now != nullptr || !entry.node->live()->backing_name().empty());
      return is_missing ? Fail(EINVAL, fmt::format("backing is missing for '{}'", name))
                        : Result<Unit, Error>{Unit{}};
    }
    const NodeEntry* const child = graph_.Find(ref->node_name);
    if (child == nullptr) {
      return NoSuchNode("", ref->node_name);
    }
    if (child != now && graph_.Reaches(*child, entry)) {
      return Cycle(ref->node_name, role, name);
    }
    return Unit{};
  }

  const BlockGraph::Impl& graph_;
  std::vector<NodeChange>& changes_;
};

// To other options, or back to those that a node had: its children may be smaller then.
enum class Way : std::uint8_t { kThere, kBack };

// The children of one node that give way to others, until it is settled which stay.
class ChildSwap {
 public:
  ChildSwap(BlockGraph::Impl& graph, NodeEntry& entry, Way way)
      : graph_(graph), entry_(entry), way_(way) {}

  Result<Unit, Error> Exchange(ChildRole role, const BlockdevOptions& wanted) {
    BlockRef* const slot = entry_.node->live()->child(role);
    BlockdevOptions copy = CopyOf(wanted);
    const BlockdevRef* const ref = RefIn(copy, role);
    if (slot == nullptr || ref == nullptr) {
      return Unit{};
    }
    const bool drop = role == ChildRole::kBacking && HasNoBacking(wanted);
    const std::string_view now = *slot ? std::string_view((*slot).node().node_name()) : "";
    if ((!drop && ref->node_name.empty()) || (drop ? now.empty() : now == ref->node_name)) {
      return Unit{};
    }
    BlockRef use;
    if (!drop) {
      NodeEntry* const child = graph_.Find(ref->node_name);
      FB_ASSERT(child != nullptr);
      const std::string& name = entry_.node->node_name();
      if (graph_.Reaches(*child, entry_)) {  // by a change that was made before this one
        return Cycle(ref->node_name, role, name);
      }
      if (way_ == Way::kThere && role == ChildRole::kFile && child->node->size() < slot->size()) {
        return Fail(EINVAL, fmt::format("Node '{}' is smaller than '{}', which it is to replace",
                                        ref->node_name, now));
      }
      const PermissionSet permissions = *slot ? slot->permissions() : qcow2::kReadStable;
      FB_ASSIGN(use, graph_.UseAsChild(*child, permissions, name, role));
    }
    std::swap(use, *slot);
    old_.emplace_back(slot, std::move(use));
    return Unit{};
  }
  bool any() const { return !old_.empty(); }
  void Undo() {
    for (auto& [slot, old] : old_) {
      std::swap(*slot, old);
    }
    old_.clear();
  }

 private:
  BlockGraph::Impl& graph_;
  NodeEntry& entry_;
  const Way way_;
  std::vector<std::pair<BlockRef*, BlockRef>> old_;
};

// Order: what becomes writable from below, then what stays as it is, then what becomes read-only
// from above.
std::tuple<int, unsigned> RankOf(const BlockGraph::Impl& graph, const NodeChange& change) {
  const bool now = change.entry->node->read_only();
  const unsigned height = graph.HeightOf(*change.entry);
  if (now == change.wanted.read_only) {
    return {1, 0};
  }
  return now ? std::tuple{0, height} : std::tuple{2, UINT32_MAX - height};
}

Task<Result<Unit, Error>> Apply(BlockGraph::Impl& graph, NodeEntry& entry,
                                const BlockdevOptions& wanted, Way way) {
  BlockNode& node = *entry.node;
  if (wanted.read_only && (UsedBy(entry) & kWriting) != 0) {
    co_return Fail(EROFS, fmt::format("Read-only block node '{}' cannot support read-write users",
                                      node.node_name()));
  }
  const Result<> flushed = co_await node.Flush(FlushMode::kDisk);
  if (!flushed.ok()) {
    co_return Fail(flushed.error().value(), "Error flushing drive");
  }
  ChildSwap children(graph, entry, way);
  Result<Unit, Error> done = Unit{};
  for (const ChildRole role : {ChildRole::kFile, ChildRole::kBacking}) {
    done = done.ok() ? children.Exchange(role, wanted) : done;
  }
  const NodeEntry* const file = graph.ChildOf(entry, ChildRole::kFile);
  if (done.ok() && !wanted.read_only && !wanted.auto_read_only && file != nullptr &&
      file->node->read_only()) {
    done = Fail(EROFS, "Block node is read-only");
  }
  const std::uint64_t size = node.size();
  if (done.ok()) {
    done = co_await node.live()->Reopen(entry.options, wanted);
  }
  if (!done.ok()) {
    children.Undo();
    co_return done;
  }
  if (children.any()) {
    TellAbove(graph, entry);
  }
  if (node.size() != size) {
    entry.observers.TellResized(nullptr, node.size());
  }
  graph.SetOptions(entry, wanted);
  co_return Unit{};
}

// Makes nodes what they were, the last one that has changed first.
Task<Unit> GoBack(BlockGraph::Impl& graph, std::span<const NodeChange> changed) {
  const auto go_back = [&graph](const NodeChange& change) {
    return Apply(graph, *change.entry, change.before, Way::kBack);
  };
  for (auto change = changed.rbegin(); change != changed.rend(); ++change) {
    const Result<Unit, Error> undone = co_await go_back(*change);
    if (!undone.ok()) {
      LogError(fmt::format("node '{}' does not become as it was: {}",
                           change->entry->node->node_name(), undone.error().message));
    }
  }
  // Who has its size from a node that was still another one then looks again.
  for (const NodeChange& change : changed) {
    if (change.entry->node->size() != change.size) {
      const Result<Unit, Error> again = co_await go_back(change);
      static_cast<void>(again.ok());  // logged above
    }
  }
  co_return Unit{};
}

}  // namespace

BlockdevOptions CurrentOptions(const BlockGraph::Impl& graph, const NodeEntry& entry) {
  BlockdevOptions options = CopyOf(entry.options);
  options.node_name = entry.node->node_name();
  options.read_only = entry.node->read_only();  // by auto-read-only, too
  for (const ChildRole role : kChildRoles) {
    BlockdevRef* const ref = RefIn(options, role);
    const NodeEntry* const child = ref == nullptr ? nullptr : graph.ChildOf(entry, role);
    if (ref == nullptr) {
      continue;
    }
    ref->definition = nullptr;
    ref->node_name = child == nullptr ? std::string() : child->node->node_name();
    if (role == ChildRole::kBacking) {
      std::get<Qcow2Options>(options.driver_options).no_backing = child == nullptr;
    }
  }
  return options;
}

void TellAbove(const BlockGraph::Impl& graph, const NodeEntry& entry) {
  for (const std::unique_ptr<NodeEntry>& other : graph.entries) {
    if (graph.Reaches(*other, entry)) {
      other->observers.TellWritten(nullptr, 0, other->node->size());
    }
  }
}

Result<Unit, Error> PlanChange(const BlockGraph::Impl& graph, BlockdevOptions wanted,
                               std::vector<NodeChange>& changes) {
  if (wanted.node_name.empty()) {
    return Fail(EINVAL, "node-name not specified");
  }
  NodeEntry* const entry = graph.Find(wanted.node_name);
  if (entry == nullptr) {
    return Fail(ENOENT, fmt::format("Failed to find node with node-name='{}'", wanted.node_name));
  }
  return Planner(graph, changes).Add(*entry, std::move(wanted), "");
}

Task<Result<Unit, Error>> ApplyChanges(BlockGraph::Impl& graph, std::vector<NodeChange>& changes) {
  std::sort(changes.begin(), changes.end(), [&graph](const NodeChange& a, const NodeChange& b) {
    return RankOf(graph, a) < RankOf(graph, b);
  });
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const Result<Unit, Error> applied =
        co_await Apply(graph, *changes[i].entry, changes[i].wanted, Way::kThere);
    if (!applied.ok()) {
      co_await GoBack(graph, std::span(changes).first(i));
      co_return applied;
    }
  }
  co_return Unit{};
}

// Everybody waits for a drain, so most of the flush is done before. REQUIRES: Impl::changing.
static Task<Result<Unit, Error>> FlushAll(BlockGraph::Impl& graph,
                                          std::span<const BlockdevOptions> options) {
  for (const BlockdevOptions& wanted : options) {
    NodeEntry* const entry = graph.Find(wanted.node_name);
    const Result<> flushed =
        entry == nullptr ? Ok() : co_await entry->node->Flush(FlushMode::kDisk);
    if (!flushed.ok()) {
      co_return Fail(flushed.error().value(), "Error flushing drive");
    }
  }
  co_return Unit{};
}

Task<Result<Unit, Error>> ReopenNodes(BlockGraph& graph, std::vector<BlockdevOptions> options) {
  BlockGraph::Impl& impl = graph.impl();
  const CoMutex::Guard guard = co_await impl.changing.Lock();
  CO_TRY(co_await FlushAll(impl, options));
  Result<Unit, Error> done = Unit{};
  {
    const BlockGraph::Alone alone = co_await graph.DrainAlone();
    std::vector<NodeChange> changes;
    for (BlockdevOptions& wanted : options) {
      CO_TRY(PlanChange(impl, std::move(wanted), changes));
    }
    done = co_await ApplyChanges(impl, changes);
  }
  const Result<Unit, Error> closed = co_await impl.CloseUnused();
  CO_TRY(done);
  co_return closed;
}

}  // namespace fusebay
