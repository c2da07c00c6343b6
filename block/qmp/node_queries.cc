// The commands that tell about nodes.
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
