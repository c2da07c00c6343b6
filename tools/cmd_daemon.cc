// `fusebay daemon`: opens, exports and manages nodes as its options and its monitors say.
#include "daemon_options.h"
#include "daemon_run.h"
#include "subcommand.h"

namespace fusebay {

namespace {

// All that goes wrong is status 1, as with qemu-storage-daemon.
int Run(const ParsedArguments& arguments) {
  const auto request = ParseDaemonArguments(arguments);
  if (!request.ok()) {
    PrintError("daemon", request.error().message);
    return kExitFailure;
  }
  if (!request->help.empty()) {
    return PrintOutput("daemon", request->help);
  }
  return RunDaemon(*request);
}

}  // namespace

const Subcommand kDaemonCommand = {
    "daemon",
    "open and export many nodes, managed by QMP",
    "[OPTION]...",
    "Takes the options of qemu-storage-daemon, in the order they are given, and serves until it "
    "is\n"
    "told to quit: by QMP, by SIGINT, SIGTERM or SIGHUP. What follows an option is a list of\n"
    "KEY=VALUE, with dots for what is inside, or JSON.",
    DaemonOptionSpecs,
    Run,
    nullptr,
    kExitFailure,
};

}  // namespace fusebay
