// Daemon: nodes, exports, objects, jobs and monitors of a storage daemon, made by options and QMP
// commands alike.
//
//   Daemon daemon(control, workers, false);
//   const auto done = co_await daemon.Do(step);         // for each option, in order
//   const auto serving = daemon.Serve();                // clients are answered from now on
//   co_await daemon.stop_requested().Wait();            // `quit`, or RequestStop
//   const auto stopped = co_await daemon.Stop();
//
// Everything here belongs to the control loop.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "block/block_graph.h"
#include "block/job.h"
#include "block/qmp_block.h"
#include "core/sync.h"
#include "daemon_exports.h"
#include "daemon_objects.h"
#include "daemon_options.h"
#include "data_loops.h"
#include "export/qmp_export.h"
#include "qapi/chardev.h"
#include "qapi/monitor.h"
#include "qapi/qmp.h"

namespace fusebay {

class Daemon {
 public:
  // `control` is the loop of this thread. `in_background`: there is no standard input and output to
  // speak on.
  Daemon(AioContext& control, WorkerPool& workers, bool in_background);
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon();  // REQUIRES: Stop has returned, or nothing was done.

  // Does what an option says. The step outlives the task. The errors are those of the QMP command
  // that does the same.
  Task<Result<Unit, Error>> Do(const DaemonStep& step);
  // Begins to serve the monitors' clients, who have waited until then. "--monitor M: ..."
  Result<Unit, Error> Serve();

  // Whatever waits in Do or Serve ends, and Stop is due.
  void RequestStop();
  bool is_stopping() const { return stop_requested_.is_set(); }
  CoEvent& stop_requested() { return stop_requested_; }
  // Ends jobs and exports, flushes and closes the nodes, closes the sockets that it listens at, and
  // lets the monitors' clients read what is theirs; nothing that another daemon could want is left.
  // The first error of a flush is returned, and everything has ended all the same.
  Task<Result<Unit, Error>> Stop();
  // Takes the mounts and the sockets' files away without waiting for anybody, for a process that
  // ends at once. Blocks.
  void CutOff();

 private:
  Task<Result<Unit, Error>> AddObject(std::string text);
  Task<Result<Unit, Error>> AddChardev(std::string text);
  Task<Result<Unit, Error>> AddNode(std::string text);
  Task<Result<Unit, Error>> AddExport(std::string text);
  Result<Unit, Error> AddMonitor(const DaemonStep& step);

  const bool in_background_;
  CoEvent stop_requested_;
  qapi::QmpCommands commands_;
  qapi::Chardevs chardevs_;
  qapi::Monitors monitors_;
  // With the option's name, until they serve.
  std::vector<std::pair<std::string, qapi::MonitorOptions>> waiting_monitors_;
  DaemonObjects objects_;
  DataLoops loops_;
  BlockGraph graph_;
  Jobs jobs_;
  BlockEvents events_;
  NodeCommands nodes_;
  NodeQueries queries_;
  JobCommands job_commands_;
  DaemonExports exports_;
  ExportCommands export_commands_;
};

}  // namespace fusebay
