// The command line of `fusebay daemon`, which is that of qemu-storage-daemon.
//
// Everything here is a pure function of its arguments.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "options.h"

namespace fusebay {

// What is to be made, by an option that may occur often: "blockdev", "chardev", "export",
// "monitor" or "object".
struct DaemonStep {
  std::string_view option;
  std::string text;
  // As messages name it: "--blockdev driver=...".
  std::string Name() const { return "--" + std::string(option) + " " + text; }
};

struct DaemonRequest {
  std::vector<DaemonStep> steps;  // in the order they were given
  std::optional<std::string> pid_file;
  bool daemonize = false;
  std::string help;  // of --object help and the like: to be shown, and nothing else to be done
};

std::span<const OptionSpec> DaemonOptionSpecs();

// Errors: "X: Unexpected argument"; "--nbd-server ...: fusebay has no NBD server"; and, with the
// option's name, "Help is not available for this option".
Result<DaemonRequest, Error> ParseDaemonArguments(const ParsedArguments& arguments);

}  // namespace fusebay
