// main: picks the subcommand, parses its options and runs it.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "mount_helper.h"
#include "subcommand.h"

namespace fusebay {

namespace {

constexpr std::array kCommands = {&kMountCommand, &kUmountCommand, &kListCommand, &kInfoCommand};

const Subcommand* FindCommand(std::string_view name) {
  for (const Subcommand* command : kCommands) {
    if (command->name == name) {
      return command;
    }
  }
  return nullptr;
}

std::string Usage() {
  std::string text =
      "Usage: fusebay COMMAND [OPTION]... [OPERAND]...\n"
      "Shows the disk inside an image file as one ordinary file.\n"
      "\n"
      "Commands:\n";
  for (const Subcommand* command : kCommands) {
    text += fmt::format("  {:<8} {}\n", command->name, command->summary);
  }
  text += fmt::format("  {:<8} {}\n", "help", "show what a command does and its options");
  text += "\nOptions:\n" + DescribeOptions({});
  text += "\nfusebay help COMMAND, or fusebay COMMAND --help, tells more about a command.\n";
  return text;
}

std::string CommandHelp(const Subcommand& command) {
  return fmt::format("Usage: fusebay {} {}\n{}\n\nOptions:\n{}", command.name, command.operands,
                     command.details, DescribeOptions(command.options()));
}

std::string Version() { return "fusebay " FUSEBAY_VERSION "\n"; }

int Complain(std::string_view message) {
  fmt::print(stderr, "fusebay: {}\nTry 'fusebay --help' for more information.\n", message);
  return kExitUsage;
}

int RunCommand(const Subcommand& command, std::span<const std::string> words) {
  const auto arguments = ParseArguments(command.options(), words);
  if (!arguments.ok()) {
    return PrintUsageError(command.name, arguments.error().message);
  }
  if (arguments->Has(kHelpOption)) {
    return PrintOutput(command.name, CommandHelp(command));
  }
  if (arguments->Has(kVersionOption)) {
    return PrintOutput(command.name, Version());
  }
  return command.run(*arguments);
}

int RunHelp(std::span<const std::string> words) {
  if (words.empty() || words.front() == "help" || words.front() == "--help") {
    return PrintOutput("help", Usage());
  }
  const Subcommand* const command = FindCommand(words.front());
  if (command == nullptr || words.size() > 1) {
    return Complain(fmt::format("there is no help for '{}'", fmt::join(words, " ")));
  }
  return PrintOutput("help", CommandHelp(*command));
}

// `fusebay --help`, `fusebay --version`, and what is neither.
int RunWithoutCommand(std::span<const std::string> words) {
  const auto arguments = ParseArguments({}, words);
  if (!arguments.ok()) {
    return Complain(arguments.error().message);
  }
  if (arguments->Has(kHelpOption)) {
    return PrintOutput("help", Usage());
  }
  if (arguments->Has(kVersionOption)) {
    return PrintOutput("help", Version());
  }
  return Complain("which command?");
}

// A caller may have closed them; then the next file opened, perhaps an image, would get our
// messages.
bool OpenStandardFds() {
  int fd = 0;
  do {
    fd = ::open("/dev/null", O_RDWR);
  } while (fd >= 0 && fd <= STDERR_FILENO);
  return fd < 0 || ::close(fd) == 0;
}

int Main(std::string_view program, std::span<const std::string> words) {
  if (IsMountHelperCall(program, words)) {
    return RunMountHelper(words);
  }
  if (words.empty()) {
    fmt::print(stderr, "{}", Usage());
    return kExitUsage;
  }
  const std::string& name = words.front();
  if (name == "help") {
    return RunHelp(words.subspan(1));
  }
  if (name.starts_with('-') && name.size() > 1) {
    return RunWithoutCommand(words.first(1));
  }
  const Subcommand* const command = FindCommand(name);
  if (command == nullptr) {
    return Complain(fmt::format("unknown command '{}'", name));
  }
  return RunCommand(*command, words.subspan(1));
}

}  // namespace

}  // namespace fusebay

int main(int argc, char** argv) {
  if (!fusebay::OpenStandardFds()) {
    return fusebay::kExitFailure;
  }
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  return fusebay::Main(argc > 0 ? argv[0] : "fusebay", words);
}
