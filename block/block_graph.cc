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

// "read" and so on, of the lowest bit.
std::string_view PermissionName(std::uint32_t bits) {
  if ((bits & kPermConsistentRead) != 0) {
    return "consistent read";
  }
  if ((bits & kPermWrite) != 0) {
    return "write";
  }
  if ((bits & kPermWriteUnchanged) != 0) {
    return "write unchanged";
  }
  return "resize";
}

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool IsWellFormed(std::string_view node_name) {
  return !node_name.empty() && IsLetter(node_name.front()) &&
         std::all_of(node_name.begin(), node_name.end(), [](char c) {
           return IsLetter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
         });
}

Error Busy(const NodeEntry& entry) {
  std::string users;
  for (const BlockRef::Impl* const user : entry.users) {
    users += users.empty() ? "" : ", ";
    users += user->user;
  }
  return Fail(EBUSY,
              fmt::format("Node '{}' is busy: it is used by {}", entry.node->node_name(), users));
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
  if (!entry->users.empty()) {
    co_return Busy(*entry);
  }
  const Result<Unit, Error> r = co_await impl_->Close(*entry);
  co_return r;
}

Task<Result<Unit, Error>> BlockGraph::CloseAll() {
  const CoMutex::Guard guard = co_await impl_->changing.Lock();
  Result<Unit, Error> first = Unit{};
  while (!impl_->entries.empty()) {
    const auto unused =
        std::find_if(impl_->entries.rbegin(), impl_->entries.rend(),
                     [](const std::unique_ptr<NodeEntry>& entry) { return entry->users.empty(); });
    if (unused == impl_->entries.rend()) {
      co_return Busy(*impl_->entries.back());
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
  FB_ASSIGN(auto impl, impl_->Use(*entry, permissions, std::move(user)));
  return BlockRef(std::move(impl));
}

std::vector<BlockNode*> BlockGraph::nodes() const {
  std::vector<BlockNode*> all;
  for (const std::unique_ptr<NodeEntry>& entry : impl_->entries) {
    all.push_back(entry->node.get());
  }
  return all;
}

NodeEntry* BlockGraph::Impl::Find(std::string_view node_name) const {
  const auto it = std::find_if(entries.begin(), entries.end(),
                               [node_name](const std::unique_ptr<NodeEntry>& entry) {
                                 return entry->node->node_name() == node_name;
                               });
  return it == entries.end() ? nullptr : it->get();
}

Result<Unit, Error> BlockGraph::Impl::CheckName(std::string_view node_name) const {
  if (!IsWellFormed(node_name)) {
    return Fail(EINVAL, fmt::format("Invalid node-name: '{}'", node_name));
  }
  if (Find(node_name) != nullptr ||
      std::find(opening.begin(), opening.end(), node_name) != opening.end()) {
    return Fail(EEXIST, fmt::format("Duplicate nodes with node-name='{}'", node_name));
  }
  return Unit{};
}

NodeEntry& BlockGraph::Impl::Insert(std::unique_ptr<BlockNode> node) {
  CheckLimits(node->limits());
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
    const Result<Unit, Error> ignored = co_await CloseUnused(std::move(context.opened));
    static_cast<void>(ignored.ok());  // the first error is the one to report
    co_return node.error();
  }
  (*node)->detect_zeroes_ = options.detect_zeroes;
  NodeEntry& entry = Insert(std::move(*node));
  entry.opened_with = std::move(context.opened);
  co_return &entry;
}

Task<Result<Unit, Error>> BlockGraph::Impl::Close(NodeEntry& entry) {
  FB_ASSERT(entry.users.empty());
  const std::string name = entry.node->node_name();
  const Result<> closed = co_await entry.node->Close();
  std::vector<std::string> below = std::move(entry.opened_with);
  entry.node.reset();  // drops its refs while the nodes below still exist
  std::erase_if(entries, [&entry](const auto& item) { return item.get() == &entry; });
  const Result<Unit, Error> rest = co_await CloseUnused(std::move(below));
  if (!closed.ok()) {
    co_return Fail(closed.error().value(), fmt::format("Could not close node '{}': {}", name,
                                                       strerror(closed.error().value())));
  }
  co_return rest;
}

Task<Result<Unit, Error>> BlockGraph::Impl::CloseUnused(std::vector<std::string> names) {
  Result<Unit, Error> first = Unit{};
  while (!names.empty()) {
    NodeEntry* const entry = Find(names.back());
    names.pop_back();
    if (entry == nullptr || !entry->users.empty()) {
      continue;  // somebody else uses it by its name
    }
    const Result<Unit, Error> r = co_await Close(*entry);
    if (first.ok()) {
      first = r;
    }
  }
  co_return first;
}

Result<std::unique_ptr<BlockRef::Impl>, Error> BlockGraph::Impl::Use(NodeEntry& entry,
                                                                     const PermissionSet& set,
                                                                     std::string user) {
  FB_TRY(Permit(entry, nullptr, set));
  auto impl = std::make_unique<BlockRef::Impl>();
  impl->graph = this;
  impl->entry = &entry;
  impl->node = entry.node.get();
  impl->permissions = set;
  impl->used.store(set.used, std::memory_order_relaxed);
  impl->user = std::move(user);
  entry.users.push_back(impl.get());
  return impl;
}

Result<Unit, Error> BlockGraph::Impl::Permit(NodeEntry& entry, const BlockRef::Impl* user,
                                             const PermissionSet& set) {
  BlockNode& node = *entry.node;
  if (node.read_only() && (set.used & (kPermWrite | kPermResize)) != 0) {
    return Fail(EROFS, fmt::format("Node '{}' is read-only", node.node_name()));
  }
  PermissionSet together = set;
  for (const BlockRef::Impl* const other : entry.users) {
    if (other == user) {
      continue;
    }
    const PermissionSet& theirs = other->permissions;
    const std::uint32_t wanted = set.used & ~theirs.shared;
    const std::uint32_t held = theirs.used & ~set.shared;
    if (wanted != 0) {
      return Fail(EBUSY, fmt::format("Node '{}' is busy: {} uses it and does not share '{}'",
                                     node.node_name(), other->user, PermissionName(wanted)));
    }
    if (held != 0) {
      return Fail(EBUSY, fmt::format("Node '{}' is busy: {} uses it as '{}', which is not shared",
                                     node.node_name(), other->user, PermissionName(held)));
    }
    together = together.With(theirs);
  }
  return node.DoSetPermissions(together);
}

void BlockGraph::Impl::Drop(BlockRef::Impl& user) {
  NodeEntry& entry = *user.entry;
  std::erase(entry.users, &user);
  PermissionSet together;
  for (const BlockRef::Impl* const other : entry.users) {
    together = together.With(other->permissions);
  }
  // Asking for less cannot fail.
  const Result<Unit, Error> r = entry.node->DoSetPermissions(together);
  FB_ASSERT(r.ok());
}

Task<Result<BlockRef, Error>> OpenContext::OpenChild(const BlockdevRef& child,
                                                     const PermissionSet& permissions) {
  BlockGraph::Impl& impl = *graph.impl_;
  NodeEntry* entry = nullptr;
  if (child.definition != nullptr) {
    const Result<NodeEntry*, Error> r = co_await impl.Open(graph, *child.definition, depth + 1);
    CO_TRY(r);
    entry = *r;
    opened.push_back(entry->node->node_name());
  } else {
    entry = impl.Find(child.node_name);
    if (entry == nullptr) {
      co_return NotFound(child.node_name);
    }
  }
  CO_ASSIGN(auto ref, impl.Use(*entry, permissions, fmt::format("node '{}'", node_name)));
  co_return BlockRef(std::move(ref));
}

}  // namespace fusebay
