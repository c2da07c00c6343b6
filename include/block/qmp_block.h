// The QMP commands about nodes, images and jobs. The classes hold what the commands work on and add
// their handlers to a table; everything belongs to the main loop.
//
//   NodeCommands nodes(graph);             // the graph outlives it, and it outlives the table
//   NodeQueries queries(graph);
//   nodes.AddTo(commands);
//   queries.AddTo(commands);
//
// The command line goes the same way: --blockdev is NodeCommands::Add. Meaning, messages and the
// order of what is listed are those of QEMU's storage daemon.
#pragma once
#include <vector>

#include "base/result.h"
#include "block/block_graph.h"
#include "block/options.h"
#include "core/task.h"
#include "qapi/generated/commands.h"
#include "qapi/qmp.h"

namespace fusebay {

// The graph's options of what a user has said. A definition of a child has, where it does not say
// otherwise, read-only, auto-read-only and cache of its parent, and discard=unmap; one of a backing
// node is read-only. Errors: "Parameter 'P' expects a non-negative number below 2^64".
Result<BlockdevOptions, Error> ToBlockdevOptions(const qapi::BlockdevOptions& options);

// blockdev-add, blockdev-del, blockdev-reopen, block_resize, change-backing-file,
// blockdev-snapshot, blockdev-snapshot-sync.
class NodeCommands {
 public:
  using Reply = Task<Result<Unit, qapi::QmpError>>;

  explicit NodeCommands(BlockGraph& graph) : graph_(graph) {}
  void AddTo(qapi::QmpCommands& commands);

  // blockdev-add and --blockdev. "'node-name' must be specified for the root node".
  Reply Add(qapi::BlockdevOptions options);

 private:
  Reply Delete(qapi::BlockdevDelArguments arguments);
  Reply Reopen(qapi::BlockdevReopenArguments arguments);
  Reply Resize(qapi::BlockResizeArguments arguments);
  Reply ChangeBacking(qapi::ChangeBackingFileArguments arguments);
  Reply Snapshot(qapi::BlockdevSnapshotArguments arguments);
  Reply SnapshotSync(qapi::BlockdevSnapshotSyncArguments arguments);
  Result<Unit, qapi::QmpError> CheckExists(const std::optional<std::string>& device,
                                           const std::optional<std::string>& node_name) const;

  BlockGraph& graph_;
};

// query-block, query-named-block-nodes, query-blockstats.
class NodeQueries {
 public:
  explicit NodeQueries(BlockGraph& graph) : graph_(graph) {}
  void AddTo(qapi::QmpCommands& commands);

 private:
  using Nodes = std::vector<qapi::BlockDeviceInfo>;
  Task<Result<Nodes, qapi::QmpError>> Named(bool flat);

  BlockGraph& graph_;
};

}  // namespace fusebay
