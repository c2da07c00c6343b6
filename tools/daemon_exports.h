// DaemonExports: gives exports the threads that serve them, and shows them to `fusebay list`.
//
// An export with iothreads runs on those, which are in use as long as it lives; one without runs on
// the default loops, which are made for the first such export.
#pragma once
#include <map>
#include <span>
#include <string>
#include <vector>

#include "daemon_objects.h"
#include "data_loops.h"
#include "export/exports.h"
#include "export/qmp_export.h"
#include "export_mounts.h"
#include "runtime.h"

namespace fusebay {

class DaemonExports : public ExportAdder, private ExportsObserver {
 public:
  // All of them outlive it.
  DaemonExports(BlockGraph& graph, const DaemonObjects& objects, DataLoops& loops,
                qapi::QmpEventSink& events);

  Task<Result<Unit, Error>> Add(FuseExportOptions options,
                                std::vector<std::string> iothreads) override;
  Exports& exports() { return exports_; }
  // Takes the mounts away at once. Blocks.
  void CutOff() const;

 private:
  // What an export has besides itself.
  struct Extras {
    IothreadUse iothreads;
    OwnMount mount;
    std::optional<ExportRegistration> registration;
  };

  // What is being mounted.
  struct Starting {
    OwnMount mount;
    std::optional<fuse::MountIdentity> before;  // what was mounted there then: not ours
  };

  void OnExportDeleted(const std::string& id) override;
  Result<std::vector<AioContext*>, Error> FindLoops(std::span<const std::string> iothreads,
                                                    IothreadUse& use);
  void Register(const FuseExportOptions& options, Extras& extras) const;

  BlockGraph& graph_;
  const DaemonObjects& objects_;
  DataLoops& loops_;
  qapi::QmpEventSink& events_;
  Exports exports_;
  std::map<std::string, Extras, std::less<>> extras_;  // by the export's id
  std::optional<Starting> starting_;                   // one at a time, as commands run
};

}  // namespace fusebay
