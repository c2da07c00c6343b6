// The QMP commands and events of nodes, images and jobs. The classes hold what the commands work on
// and add their handlers to a table; everything belongs to the main loop.
//
//   BlockGraph graph;                      // what is above here outlives what is below
//   Jobs jobs;
//   BlockEvents events(graph, jobs, sink, main_loop);
//   NodeCommands nodes(graph);
//   NodeQueries queries(graph);
//   JobCommands job_commands(graph, jobs);
//   nodes.AddTo(commands);                 // and so on; the commands end before all of them
//
// The command line goes the same way: --blockdev is NodeCommands::Add. Meaning, messages and the
// order of what is listed are those of QEMU's storage daemon.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "block/block_graph.h"
#include "block/job.h"
#include "block/options.h"
#include "core/task.h"
#include "qapi/generated/commands.h"
#include "qapi/qmp.h"

namespace fusebay {

// The graph's options of what a user has said. A definition of a child has, where it does not say
// otherwise, read-only, auto-read-only and cache of its parent, and discard=unmap; one of a backing
// node is read-only. Errors: "Parameter 'P' expects a non-negative number below 2^64"; "Invalid
// node-name: ''"; "latency-ns is invalid".
Result<BlockdevOptions, Error> ToBlockdevOptions(const qapi::BlockdevOptions& options);

// blockdev-add, blockdev-del, blockdev-reopen, block_resize, change-backing-file,
// blockdev-snapshot, blockdev-snapshot-sync, block-set-write-threshold.
class NodeCommands {
 public:
  using Reply = Task<Result<Unit, qapi::QmpError>>;

  explicit NodeCommands(BlockGraph& graph) : graph_(graph) {}
  void AddTo(qapi::QmpCommands& commands);
  // Awaited before a change of a node's size or content is answered, so that whoever reads the
  // answer finds the clients of exports told (Exports::SettleClients).
  void SetSettle(std::function<Task<Unit>()> settle) { settle_ = std::move(settle); }

  // blockdev-add and --blockdev. "'node-name' must be specified for the root node".
  Reply Add(qapi::BlockdevOptions options);

 private:
  Reply Delete(qapi::BlockdevDelArguments arguments);
  Reply Reopen(qapi::BlockdevReopenArguments arguments);
  Reply Resize(qapi::BlockResizeArguments arguments);
  Reply ChangeBacking(qapi::ChangeBackingFileArguments arguments);
  Reply Snapshot(qapi::BlockdevSnapshotArguments arguments);
  Reply SnapshotSync(qapi::BlockdevSnapshotSyncArguments arguments);
  Result<Unit, qapi::QmpError> SetWriteThreshold(
      const qapi::BlockSetWriteThresholdArguments& arguments);
  Reply Settled(Result<Unit, Error> result);
  Result<Unit, qapi::QmpError> CheckExists(const std::optional<std::string>& device,
                                           const std::optional<std::string>& node_name) const;

  BlockGraph& graph_;
  std::function<Task<Unit>()> settle_;
};

// query-block, query-named-block-nodes, query-blockstats, x-debug-query-block-graph. What a node
// has counted is what exports and jobs have asked of it, those that have ended included.
class NodeQueries {
 public:
  explicit NodeQueries(BlockGraph& graph) : graph_(graph) {}
  void AddTo(qapi::QmpCommands& commands);

 private:
  using Nodes = std::vector<qapi::BlockDeviceInfo>;
  Task<Result<Nodes, qapi::QmpError>> Named(bool flat);

  BlockGraph& graph_;
};

// blockdev-create, query-jobs, job-pause, job-resume, job-cancel, job-complete, job-finalize,
// job-dismiss.
class JobCommands {
 public:
  JobCommands(BlockGraph& graph, Jobs& jobs) : graph_(graph), jobs_(jobs) {}
  void AddTo(qapi::QmpCommands& commands);

 private:
  Result<Unit, qapi::QmpError> Create(const qapi::BlockdevCreateArguments& arguments);
  std::vector<qapi::JobInfo> All() const;

  BlockGraph& graph_;
  Jobs& jobs_;
};

qapi::JobStatus ToQapi(JobStatus status);

// Sends JOB_STATUS_CHANGE, BLOCK_IMAGE_CORRUPTED and BLOCK_WRITE_THRESHOLD. What happens on another
// loop is posted to `loop`, the main loop: what happens before the graph is closed arrives with its
// next turn, and this lives until then.
class BlockEvents : private JobObserver, private GraphObserver {
 public:
  BlockEvents(BlockGraph& graph, Jobs& jobs, qapi::QmpEventSink& sink, AioContext& loop);
  BlockEvents(const BlockEvents&) = delete;
  BlockEvents& operator=(const BlockEvents&) = delete;
  ~BlockEvents() override;

 private:
  void OnJobStatus(const Job& job) override;
  void OnImageCorrupted(const ImageCorruption& corruption) override;
  void OnWriteAboveThreshold(const WriteAboveThreshold& write) override;

  BlockGraph& graph_;
  Jobs& jobs_;
  qapi::QmpEventSink& sink_;
  AioContext& loop_;
};

}  // namespace fusebay
