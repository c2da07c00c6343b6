// BlockGraph: the nodes by name, who uses them with which permissions, and how they open and close.
#include "block/block_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/align.h"
#include "graph_internal.h"

namespace fusebay {

namespace {

Error Fail(int code, std::string message) { return Error{Errno{code}, std::move(message)}; }

Error NotFound(std::string_view node_name) {
  return Fail(ENOENT, fmt::format("Failed to find node with node-name='{}'", node_name));
}

// "write, resize" and so on.
std::string PermissionNames(std::uint32_t bits) {
  static constexpr std::string_view kNames[] = {"consistent read", "write", "write unchanged",
                                                "resize"};
  std::string names;
  for (std::size_t bit = 0; bit < std::size(kNames); ++bit) {
    if ((bits & (1u << bit)) != 0) {
      names += names.empty() ? "" : ", ";
      names += kNames[bit];
    }
  }
  return names;
}

// QEMU's words. `needs` and `denies` are two users of the node as messages name them.
struct UserName {
  std::string_view user;
  ChildRole role;
};
Error Conflict(const std::string& node, std::uint32_t bits, UserName needs, UserName denies) {
  return Fail(EPERM,
              fmt::format("Permission conflict on node '{0}': permissions '{1}' are both required "
                          "by {2} (uses node '{0}' as '{3}' child) and unshared by {4} (uses node "
                          "'{0}' as '{5}' child).",
                          node, PermissionNames(bits), needs.user, NameOf(needs.role), denies.user,
                          NameOf(denies.role)));
}

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool IsWellFormed(std::string_view node_name) {
  return !node_name.empty() && IsLetter(node_name.front()) &&
         std::all_of(node_name.begin(), node_name.end(), [](char c) {
           return IsLetter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
         });
}

using Entries = std::vector<std::unique_ptr<NodeEntry>>;

Entries::const_iterator FindNamed(const Entries& entries, std::string_view node_name) {
  return std::find_if(entries.begin(), entries.end(),
                      [node_name](const std::unique_ptr<NodeEntry>& entry) {
                        return entry->node->node_name() == node_name;
                      });
}

// Why a node cannot be removed; nothing: it can.
Result<Unit, Error> CheckUnused(const NodeEntry& entry) {
  const std::string& name = entry.node->node_name();
  const BlockRef::Impl* backing_user = nullptr;
  for (const BlockRef::Impl* const user : entry.users) {
    if (user->role == ChildRole::kRoot) {
      return Fail(EBUSY, fmt::format("Node {} is in use", name));
    }
    backing_user = user->role == ChildRole::kBacking ? user : backing_user;
  }
  if (backing_user != nullptr) {
    return Fail(EBUSY, fmt::format("Node '{}' is busy: node is used as backing hd of '{}'", name,
                                   backing_user->parent));
  }
  if (!entry.owned) {
    return Fail(EBUSY, fmt::format("Node {} is not owned by the monitor", name));
  }
  if (!entry.users.empty()) {
    return Fail(EBUSY, fmt::format("Block device {} is in use", name));
  }
  return Unit{};
}

// A child that is meant by its name does not exist, or not yet.
Error NoSuchChild(const std::string& child, ChildRole role, const std::string& parent) {
  if (child == parent) {
    return Fail(EINVAL, fmt::format("Making '{}' a {} child of '{}' would create a cycle", child,
                                    NameOf(role), parent));
  }
  const Error missing = NoSuchNode(child, child);
  const std::string_view what = role == ChildRole::kBacking ? "Could not open backing file: " : "";
  return Error{missing.code, fmt::format("{}{}", what, missing.message)};
}

// REQUIRES: all are used. Somebody from outside uses the top of them.
Error InUse(const Entries& entries) {
  for (const std::unique_ptr<NodeEntry>& entry : entries) {
    for (const BlockRef::Impl* const user : entry->users) {
      if (user->role == ChildRole::kRoot) {
        return CheckUnused(*entry).error();
      }
    }
  }
  FB_ASSERT(false);
}

void CheckLimits(const BlockLimits& limits) {
  FB_ASSERT(limits.request_alignment <= 2u << 20);
  FB_ASSERT(limits.memory_alignment <= BufferPool::kAlignment);
  FB_ASSERT(limits.max_transfer >= limits.request_alignment);
}

}  // namespace

BlockGraph::BlockGraph() : impl_(std::make_unique<Impl>()) {}

BlockGraph::~BlockGraph() { FB_ASSERT(impl_->entries.empty()); }

Task<Result<BlockNode*, Error>> BlockGraph::Open(const BlockdevOptions& options) {
  const CoMutex::Guard guard = co_await impl_->changing.Lock();
  const Result<NodeEntry*, Error> entry = co_await impl_->Open(*this, options, 0);
  CO_TRY(entry);
  co_return (*entry)->node.get();
}

Result<BlockNode*, Error> BlockGraph::Add(std::unique_ptr<BlockNode> node) {
  FB_TRY(impl_->CheckName(node->node_name()));
  return impl_->Insert(std::move(node)).node.get();
}

Task<Result<Unit, Error>> BlockGraph::Remove(std::string_view node_name) {
  const std::string name(node_name);
  const CoMutex::Guard guard = co_await impl_->changing.Lock();
  NodeEntry* const entry = impl_->Find(name);
  if (entry == nullptr) {
    co_return NotFound(name);
  }
  CO_TRY(CheckUnused(*entry));
  const Result<Unit, Error> closed = co_await impl_->Close(*entry);
  const Result<Unit, Error> rest = co_await impl_->CloseUnused();
  CO_TRY(closed);
  co_return rest;
}

Task<Result<Unit, Error>> BlockGraph::CloseUnused() {
  const CoMutex::Guard guard = co_await impl_->changing.Lock();
  const Result<Unit, Error> closed = co_await impl_->CloseUnused();
  co_return closed;
}

Task<Result<Unit, Error>> BlockGraph::CloseAll() {
  const CoMutex::Guard guard = co_await impl_->changing.Lock();
  Result<Unit, Error> first = Unit{};
  while (!impl_->entries.empty()) {
    const auto unused =
        std::find_if(impl_->entries.rbegin(), impl_->entries.rend(),
                     [](const std::unique_ptr<NodeEntry>& entry) { return entry->users.empty(); });
    if (unused == impl_->entries.rend()) {
      co_return InUse(impl_->entries);
    }
    const Result<Unit, Error> r = co_await impl_->Close(**unused);
    if (first.ok()) {
      first = r;
    }
  }
  co_return first;
}

BlockNode* BlockGraph::Find(std::string_view node_name) const {
  NodeEntry* const entry = impl_->Find(node_name);
  return entry == nullptr ? nullptr : entry->node.get();
}

Result<BlockRef, Error> BlockGraph::Use(std::string_view node_name,
                                        const PermissionSet& permissions, std::string user) {
  NodeEntry* const entry = impl_->Find(node_name);
  if (entry == nullptr) {
    return NotFound(node_name);
  }
  FB_ASSIGN(auto impl, impl_->Use(*entry, permissions, Impl::User{std::move(user)}));
  return BlockRef(std::move(impl));
}

void BlockGraph::SetObserver(GraphObserver* observer, AioContext& loop) {
  impl_->watch.Set(observer, loop);
}

std::vector<BlockNode*> BlockGraph::nodes() const {
  std::vector<BlockNode*> all;
  for (const std::unique_ptr<NodeEntry>& entry : impl_->entries) {
    if (!entry->closing) {
      all.push_back(entry->node.get());
    }
  }
  return all;
}

NodeEntry* BlockGraph::Impl::Find(std::string_view node_name) const {
  const auto it = FindNamed(entries, node_name);
  return it == entries.end() || (*it)->closing ? nullptr : it->get();
}

Result<Unit, Error> BlockGraph::Impl::CheckName(std::string_view node_name) const {
  if (!IsWellFormed(node_name)) {
    return Fail(EINVAL, fmt::format("Invalid node-name: '{}'", node_name));
  }
  if (FindNamed(entries, node_name) != entries.end() ||
      std::find(opening.begin(), opening.end(), node_name) != opening.end()) {
    return Fail(EEXIST, fmt::format("Duplicate nodes with node-name='{}'", node_name));
  }
  return Unit{};
}

NodeEntry& BlockGraph::Impl::Insert(std::unique_ptr<BlockNode> node) {
  CheckLimits(node->limits());
  node->watch_ = &watch;
  entries.push_back(std::make_unique<NodeEntry>(std::move(node)));
  return *entries.back();
}

Task<Result<NodeEntry*, Error>> BlockGraph::Impl::Open(BlockGraph& graph,
                                                       const BlockdevOptions& options,
                                                       unsigned depth) {
  const BlockDriver* const driver = FindDriver(options.driver);
  if (driver == nullptr) {
    co_return Fail(EINVAL, fmt::format("Unknown driver '{}'", options.driver));
  }
  if (depth > kMaxDepth) {
    co_return Fail(ELOOP, fmt::format("The chain of images is longer than {}", kMaxDepth));
  }
  if (options.detect_zeroes == DetectZeroes::kUnmap && !options.discard_unmap) {
    co_return Fail(EINVAL,
                   "setting detect-zeroes to unmap is not allowed without setting discard "
                   "operation to unmap");
  }
  if (!options.node_name.empty()) {
    CO_TRY(CheckName(options.node_name));
  }
  CO_TRY(CheckDetectZeroes(options));
  OpenContext context{
      .graph = graph,
      .node_name =
          options.node_name.empty() ? fmt::format("#block{}", next_name++) : options.node_name,
      .depth = depth,
  };
  opening.push_back(context.node_name);
  NodeResult node = co_await driver->open(options, context);
  opening.pop_back();
  if (!node.ok()) {
    const Result<Unit, Error> ignored = co_await CloseUnused();
    static_cast<void>(ignored.ok());  // the first error is the one to report
    co_return node.error();
  }
  NodeEntry& entry = Insert(std::move(*node));
  SetOptions(entry, options);
  entry.owned = depth == 0;
  co_return &entry;
}

Task<Result<Unit, Error>> BlockGraph::Impl::Close(NodeEntry& entry) {
  FB_ASSERT(entry.users.empty());
  FB_ASSERT(!entry.closing);
  entry.closing = true;  // others have their turn
  const std::string name = entry.node->node_name();
  const Result<> closed = co_await entry.node->Close();
  FB_ASSERT(entry.users.empty());
  entry.node.reset();  // drops its refs while the nodes below still exist
  std::erase_if(entries, [&entry](const auto& item) { return item.get() == &entry; });
  if (!closed.ok()) {
    co_return Fail(closed.error().value(), fmt::format("Could not close node '{}': {}", name,
                                                       strerror(closed.error().value())));
  }
  co_return Unit{};
}

// Closing one may leave the next one without a user.
Task<Result<Unit, Error>> BlockGraph::Impl::CloseUnused() {
  Result<Unit, Error> first = Unit{};
  while (true) {
    const auto unused = std::find_if(entries.begin(), entries.end(), [](const auto& entry) {
      return !entry->owned && entry->users.empty();
    });
    if (unused == entries.end()) {
      break;
    }
    const Result<Unit, Error> r = co_await Close(**unused);
    if (first.ok()) {
      first = r;
    }
  }
  co_return first;
}

Result<std::unique_ptr<BlockRef::Impl>, Error> BlockGraph::Impl::Use(NodeEntry& entry,
                                                                     const PermissionSet& set,
                                                                     User user) {
  FB_TRY(Permit(entry, nullptr, set, user));
  auto impl = std::make_unique<BlockRef::Impl>();
  impl->graph = this;
  impl->entry = &entry;
  impl->node = entry.node.get();
  impl->permissions = set;
  impl->used.store(set.used, std::memory_order_relaxed);
  impl->user = std::move(user.name);
  impl->parent = std::move(user.parent);
  impl->role = user.role;
  entry.users.push_back(impl.get());
  return impl;
}

Result<BlockRef, Error> BlockGraph::Impl::UseAsChild(NodeEntry& entry, const PermissionSet& set,
                                                     const std::string& parent, ChildRole role) {
  FB_ASSIGN(auto impl, Use(entry, set, User::Child(parent, role)));
  return BlockRef(std::move(impl));
}

void BlockGraph::Impl::SetOptions(NodeEntry& entry, const BlockdevOptions& options) {
  entry.options = CopyOf(options);
  entry.node->detect_zeroes_ = options.detect_zeroes;
}

Result<Unit, Error> BlockGraph::Impl::Permit(NodeEntry& entry, const BlockRef::Impl* user,
                                             const PermissionSet& set, const User& named) {
  BlockNode& node = *entry.node;
  if (node.read_only() && (set.used & (kPermWrite | kPermResize)) != 0) {
    return Fail(EROFS, "Block node is read-only");
  }
  PermissionSet together = set;
  for (const BlockRef::Impl* const other : entry.users) {
    if (other == user) {
      continue;
    }
    FB_TRY(CheckShared(entry, set, named, *other));
    together = together.With(other->permissions);
  }
  return node.DoSetPermissions(together);
}

Result<Unit, Error> BlockGraph::Impl::CheckShared(const NodeEntry& entry, const PermissionSet& set,
                                                  const User& named, const BlockRef::Impl& other) {
  const std::uint32_t wanted = set.used & ~other.permissions.shared;
  const std::uint32_t held = other.permissions.used & ~set.shared;
  const UserName asks{named.name, named.role};
  const UserName they{other.user, other.role};
  // In QEMU's order: what they do counts first.
  if (held != 0) {
    return Conflict(entry.node->node_name(), held, they, asks);
  }
  if (wanted != 0) {
    return Conflict(entry.node->node_name(), wanted, asks, they);
  }
  return Unit{};
}

void BlockGraph::Impl::Drop(BlockRef::Impl& user) {
  NodeEntry& entry = *user.entry;
  std::erase(entry.users, &user);
  // Asking for less cannot fail.
  const Result<Unit, Error> r = entry.node->DoSetPermissions(Together(entry, nullptr));
  FB_ASSERT(r.ok());
}

PermissionSet BlockGraph::Impl::Together(const NodeEntry& entry, const BlockRef::Impl* except) {
  PermissionSet together;
  for (const BlockRef::Impl* const user : entry.users) {
    if (user != except) {
      together = together.With(user->permissions);
    }
  }
  return together;
}

BlockGraph::Impl::User BlockGraph::Impl::User::Child(const std::string& parent, ChildRole role) {
  return {fmt::format("node '{}'", parent), parent, role};
}

Task<Result<BlockRef, Error>> OpenContext::OpenChild(const BlockdevRef& child, ChildRole role,
                                                     const PermissionSet& permissions) {
  BlockGraph::Impl& impl = *graph.impl_;
  NodeEntry* entry = nullptr;
  if (child.definition != nullptr) {
    const Result<NodeEntry*, Error> r = co_await impl.Open(graph, *child.definition, depth + 1);
    CO_TRY(r);
    entry = *r;
  } else {
    entry = impl.Find(child.node_name);
    if (entry == nullptr) {
      co_return NoSuchChild(child.node_name, role, node_name);
    }
  }
  co_return impl.UseAsChild(*entry, permissions, node_name, role);
}

}  // namespace fusebay
