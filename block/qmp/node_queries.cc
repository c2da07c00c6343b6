// The commands that tell about nodes.
#include "block/qmp_block.h"
#include "node_info.h"

namespace fusebay {

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
}

// The graph must stay as it is while the images are looked at.
Task<Result<NodeQueries::Nodes, qapi::QmpError>> NodeQueries::Named(bool flat) {
  BlockGraph::Impl& graph = graph_.impl();
  const CoMutex::Guard guard = co_await graph.changing.Lock();
  ImageInfos infos;
  for (const std::unique_ptr<NodeEntry>& entry : graph.entries) {
    Result<ImageInfo, Error> info = co_await entry->node->Info();
    CO_TRY(info);
    infos.emplace(entry.get(), std::move(*info));
  }
  Nodes nodes;
  for (auto entry = graph.entries.rbegin(); entry != graph.entries.rend(); ++entry) {
    nodes.push_back(Describe(graph, **entry, infos, flat));
  }
  co_return nodes;
}

}  // namespace fusebay
