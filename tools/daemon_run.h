// The process of `fusebay daemon`.
#pragma once
#include "daemon_options.h"

namespace fusebay {

// Serves until it is told to quit; returns the exit code of the program. With `daemonize` the
// calling process returns 0 as soon as everything is ready.
int RunDaemon(const DaemonRequest& request);

}  // namespace fusebay
