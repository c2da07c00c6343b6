// The QMP commands of exports. Everything belongs to the main loop. Meaning and messages are those
// of QEMU's storage daemon.
//
//   ExportCommands commands(exports, adder);   // both outlive it, and it outlives the table
//   commands.AddTo(table);
//
// The command line goes the same way: --export is ExportCommands::Add. BLOCK_EXPORT_DELETED is the
// business of whoever observes the exports.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "core/task.h"
#include "export/exports.h"
#include "qapi/generated/commands.h"
#include "qapi/qmp.h"

namespace fusebay {

// What a user has said of an export.
struct ExportRequest {
  FuseExportOptions options;
  std::vector<std::string> iothreads;  // empty: nothing was said
};

// An export that is not writable does not grow, whatever was said. Error: "The set of iothreads
// must not be empty".
Result<ExportRequest, Error> ToExportRequest(const qapi::BlockExportOptions& options);

// Whoever knows the iothreads and where an export belongs.
class ExportAdder {
 public:
  virtual ~ExportAdder() = default;
  // Errors: those of Exports::Check; `iothread "X" not found`; those of Exports::Add.
  virtual Task<Result<Unit, Error>> Add(FuseExportOptions options,
                                        std::vector<std::string> iothreads) = 0;
};

// block-export-add, block-export-del, query-block-exports.
class ExportCommands {
 public:
  using Reply = Task<Result<Unit, qapi::QmpError>>;

  ExportCommands(Exports& exports, ExportAdder& adder) : exports_(exports), adder_(adder) {}
  void AddTo(qapi::QmpCommands& commands);

  // block-export-add and --export.
  Reply Add(qapi::BlockExportOptions options);

 private:
  Reply Delete(qapi::BlockExportDelArguments arguments);
  std::vector<qapi::BlockExportInfo> All() const;

  Exports& exports_;
  ExportAdder& adder_;
};

}  // namespace fusebay
