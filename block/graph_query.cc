// Looks at the nodes of a graph for whoever manages them.
#include "block/graph_query.h"

#include <algorithm>

#include "graph_internal.h"

namespace fusebay {

namespace {

constexpr ChildRole kChildRoles[] = {ChildRole::kFile, ChildRole::kBacking, ChildRole::kDataFile};

std::vector<NodeChild> ChildrenOf(const BlockGraph::Impl& graph, const NodeEntry& entry) {
  std::vector<NodeChild> children;
  for (const ChildRole role : kChildRoles) {
    if (const NodeEntry* const child = graph.ChildOf(entry, role)) {
      children.push_back({role, child->node->node_name()});
    }
  }
  return children;
}

NodeInfo Outline(const BlockGraph::Impl& graph, const NodeEntry& entry) {
  NodeInfo info;
  info.node_name = entry.node->node_name();
  info.driver = entry.node->driver_name();
  info.read_only = entry.node->read_only();
  info.write_threshold = entry.node->write_threshold();
  info.detect_zeroes = entry.options.detect_zeroes;
  info.cache = entry.options.cache;
  info.children = ChildrenOf(graph, entry);
  for (const BlockRef::Impl* const user : entry.users) {
    if (user->role == ChildRole::kRoot) {
      info.users.push_back(user->user);
    }
  }
  return info;
}

Task<Result<NodeInfo, Error>> Describe(const BlockGraph::Impl& graph, const NodeEntry& entry) {
  NodeInfo info = Outline(graph, entry);
  Result<ImageInfo, Error> image = co_await entry.node->Info();
  CO_TRY(image);
  info.image = std::move(*image);
  info.file = info.image.filename;
  info.encrypted = info.image.encrypted;
  const NodeEntry* below = graph.ChildOf(entry, ChildRole::kBacking);
  while (below != nullptr) {
    Result<ImageInfo, Error> backing = co_await below->node->Info();
    CO_TRY(backing);
    info.chain.push_back(std::move(*backing));
    below = graph.ChildOf(*below, ChildRole::kBacking);
  }
  info.backing_depth = static_cast<unsigned>(info.chain.size());
  info.backing_file = info.chain.empty() ? std::string() : info.chain.front().filename;
  co_return info;
}

IoStats StatsOf(const BlockRef::Impl& user) {
  IoStats sum = user.past;
  for (const std::shared_ptr<LoopGate>& gate : user.gates) {
    if (gate != nullptr) {
      gate->counters.AddTo(sum);
    }
  }
  return sum;
}

}  // namespace

Task<std::vector<NodeInfo>> DescribeNodes(BlockGraph& graph) {
  BlockGraph::Impl& impl = graph.impl();
  const CoMutex::Guard guard = co_await impl.changing.Lock();
  std::vector<NodeInfo> all;
  for (auto it = impl.entries.rbegin(); it != impl.entries.rend(); ++it) {
    Result<NodeInfo, Error> info = co_await Describe(impl, **it);
    all.push_back(info.ok() ? std::move(*info) : Outline(impl, **it));
  }
  co_return all;
}

Task<Result<NodeInfo, Error>> DescribeNode(BlockGraph& graph, const std::string& node_name) {
  BlockGraph::Impl& impl = graph.impl();
  const CoMutex::Guard guard = co_await impl.changing.Lock();
  const NodeEntry* const entry = impl.Find(node_name);
  if (entry == nullptr) {
    co_return NoSuchNode("", node_name);
  }
  Result<NodeInfo, Error> info = co_await Describe(impl, *entry);
  co_return info;
}

std::vector<NodeStats> CollectStats(BlockGraph& graph) {
  BlockGraph::Impl& impl = graph.impl();
  std::vector<NodeStats> all;
  for (const std::unique_ptr<NodeEntry>& entry : impl.entries) {
    NodeStats node{.node_name = entry->node->node_name(),
                   .driver = std::string(entry->node->driver_name()),
                   .stats = entry->past,
                   .children = ChildrenOf(impl, *entry)};
    for (const BlockRef::Impl* const user : entry->users) {
      node.stats.Add(StatsOf(*user));
    }
    all.push_back(std::move(node));
  }
  return all;
}

std::vector<UserStats> CollectUserStats(BlockGraph& graph) {
  std::vector<UserStats> all;
  for (const std::unique_ptr<NodeEntry>& entry : graph.impl().entries) {
    for (const BlockRef::Impl* const user : entry->users) {
      if (user->role == ChildRole::kRoot) {
        all.push_back({user->user, entry->node->node_name(), StatsOf(*user)});
      }
    }
  }
  return all;
}

std::vector<GraphEdge> CollectEdges(BlockGraph& graph) {
  std::vector<GraphEdge> all;
  for (const std::unique_ptr<NodeEntry>& entry : graph.impl().entries) {
    for (const BlockRef::Impl* const user : entry->users) {
      all.push_back(
          {user->parent, user->user, entry->node->node_name(), user->role, user->permissions});
    }
  }
  return all;
}

}  // namespace fusebay
