// What the changes of an open graph share. Internal to the block layer.
//
// All REQUIRE that the caller holds Impl::changing and, except AppendOverlay, DrainAlone.
#pragma once
#include <string>
#include <vector>

#include "graph_internal.h"

namespace fusebay {

// One node that is to get other options.
struct NodeChange {
  NodeEntry* entry = nullptr;
  BlockdevOptions wanted;
  BlockdevOptions before;  // with its children by name
  std::uint64_t size = 0;  // before
};

// What of the options can be checked alone; the definitions of children become changes of their
// own.
Result<Unit, Error> PlanChange(const BlockGraph::Impl& graph, BlockdevOptions wanted,
                               std::vector<NodeChange>& changes);
// All or nothing.
Task<Result<Unit, Error>> ApplyChanges(BlockGraph::Impl& graph, std::vector<NodeChange>& changes);
// As the node is, with its children by name: to be changed and given to ReopenNodes.
BlockdevOptions CurrentOptions(const BlockGraph::Impl& graph, const NodeEntry& entry);
// Tells whoever looks at the node, or at one above it, that its content may be another one.
void TellAbove(const BlockGraph::Impl& graph, const NodeEntry& entry);

// "Node 'X' is busy: job 'J' uses it". The job has no gate, so nothing at or below what it uses may
// become another node.
Result<Unit, Error> CheckNoJob(const BlockGraph::Impl& graph, const NodeEntry& node);
// "Node 'X' is busy: node is used as backing hd of 'Y'"
Result<Unit, Error> CheckNoBacking(const NodeEntry& node);
// kOfNode: an overlay that has been made for the node becomes as large as the node is.
enum class OverlaySize : std::uint8_t { kAsItIs, kOfNode };
// Puts one on top of the other.
Task<Result<Unit, Error>> AppendOverlay(BlockGraph& graph, const std::string& node_name,
                                        const std::string& overlay_name, OverlaySize overlay_size);

}  // namespace fusebay
