// The commands that tell about nodes.
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "block/live_node.h"
#include "block/qmp_block.h"
#include "node_info.h"

namespace fusebay {

namespace {

std::vector<qapi::BlockStats> StatsOfNodes(BlockGraph& graph) {
  const std::vector<NodeStats> all = CollectStats(graph);
  StatsByName by_name;
  for (const NodeStats& node : all) {
    by_name.emplace(node.node_name, &node);
  }
  std::vector<qapi::BlockStats> out;
  for (const NodeStats& node : all) {
    out.push_back(ToQapi(node, by_name));
  }
  return out;
}

// The names of the permissions, by their bits.
std::vector<qapi::BlockPermission> ToQapi(std::uint32_t permissions) {
  static constexpr std::pair<Permission, qapi::BlockPermission> kNames[] = {
      {kPermConsistentRead, qapi::BlockPermission::kConsistentRead},
      {kPermWrite, qapi::BlockPermission::kWrite},
      {kPermWriteUnchanged, qapi::BlockPermission::kWriteUnchanged},
      {kPermResize, qapi::BlockPermission::kResize},
  };
  std::vector<qapi::BlockPermission> names;
  for (const auto& [bit, name] : kNames) {
    if ((permissions & bit) != 0) {
      names.push_back(name);
    }
  }
  return names;
}

qapi::XDbgBlockGraph ShowGraph(BlockGraph& graph) {
  using Type = qapi::XDbgBlockGraphNodeType;
  qapi::XDbgBlockGraph shown;
  std::unordered_map<std::string, std::uint64_t> ids;
  const auto add = [&shown](Type type, const std::string& name) {
    const std::uint64_t id = shown.nodes.size() + 1;
    shown.nodes.push_back({.id = id, .type = type, .name = name});
    return id;
  };
  for (const BlockNode* const node : graph.nodes()) {
    ids.emplace(node->node_name(), add(Type::kBlockDriver, node->node_name()));
  }
  for (const GraphEdge& edge : CollectEdges(graph)) {
    const auto known = ids.find(edge.parent);
    if (known == ids.end() && !edge.parent.empty()) {
      continue;  // a node that is being opened
    }
    const std::uint64_t parent =
        known == ids.end() ? add(Type::kBlockBackend, edge.user) : known->second;
    shown.edges.push_back({.parent = parent,
                           .child = ids.at(edge.child),
                           .name = std::string(NameOf(edge.role)),
                           .perm = ToQapi(edge.permissions.used),
                           .shared_perm = ToQapi(edge.permissions.shared)});
  }
  return shown;
}

}  // namespace

void NodeQueries::AddTo(qapi::QmpCommands& commands) {
  using qapi::QmpSession;
  // A device is what a machine has; here there are only nodes.
  commands.Add<qapi::QueryBlockCommand>([](Unit, QmpSession&) {
    return Task<Result<std::vector<qapi::BlockInfo>, qapi::QmpError>>(
        std::vector<qapi::BlockInfo>());
  });
  commands.Add<qapi::QueryNamedBlockNodesCommand>(
      [this](const qapi::QueryNamedBlockNodesArguments& arguments, QmpSession&) {
        return Named(arguments.flat.value_or(false));
      });
  commands.Add<qapi::QueryBlockstatsCommand>(
      [this](const qapi::QueryBlockstatsArguments& arguments, QmpSession&) {
        return Task<Result<std::vector<qapi::BlockStats>, qapi::QmpError>>(
            arguments.query_nodes.value_or(false) ? StatsOfNodes(graph_)
                                                  : std::vector<qapi::BlockStats>());
      });
  commands.Add<qapi::XDebugQueryBlockGraphCommand>([this](Unit, QmpSession&) {
    return Task<Result<qapi::XDbgBlockGraph, qapi::QmpError>>(ShowGraph(graph_));
  });
}

Task<Result<NodeQueries::Nodes, qapi::QmpError>> NodeQueries::Named(bool flat) {
  const std::vector<NodeInfo> all = co_await DescribeNodes(graph_);
  Nodes nodes;
  for (const NodeInfo& node : all) {
    nodes.push_back(ToQapi(node, flat));
  }
  co_return nodes;
}

}  // namespace fusebay
