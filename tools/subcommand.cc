// How subcommands write to the user.
#include "subcommand.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstring>

namespace fusebay {

void PrintError(std::string_view command, std::string_view message) {
  fmt::print(stderr, "fusebay {}: {}\n", command, message);
}

int PrintUsageError(std::string_view command, std::string_view message) {
  PrintError(command, message);
  fmt::print(stderr, "Try 'fusebay {} --help' for more information.\n", command);
  return kExitUsage;
}

int PrintOutput(std::string_view command, std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0) {
    PrintError(command, fmt::format("cannot write the output: {}", std::strerror(errno)));
    return kExitFailure;
  }
  return kExitOk;
}

}  // namespace fusebay
