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

using Commands = std::span<const Subcommand* const>;

constexpr std::array kCommands = {&kMountCommand, &kDaemonCommand, &kQmpCommand, &kUmountCommand,
                                  &kListCommand,  &kInfoCommand,   &kImgCommand};

const Subcommand* FindCommand(Commands commands, std::string_view name) {
  for (const Subcommand* command : commands) {
    if (command->name == name) {
      return command;
    }
  }
  return nullptr;
}

std::string CommandList(Commands commands) {
  std::string text = "\nCommands:\n";
  for (const Subcommand* command : commands) {
    text += fmt::format("  {:<8} {}\n", command->name, command->summary);
  }
  return text;
}

std::string Usage() {
  std::string text =
      "Usage: fusebay COMMAND [OPTION]... [OPERAND]...\n"
      "Shows the disk inside an image file as one ordinary file.\n";
  text += CommandList(kCommands);
  text += fmt::format("  {:<8} {}\n", "help", "show what a command does and its options");
  text += "\nOptions:\n" + DescribeOptions({});
  text += "\nfusebay help COMMAND, or fusebay COMMAND --help, tells more about a command.\n";
  return text;
}

// `name` is all of it: "img create".
std::string CommandHelp(const Subcommand& command, std::string_view name) {
  std::string text =
      fmt::format("Usage: fusebay {} {}\n{}\n", name, command.operands, command.details);
  if (command.subcommands != nullptr) {
    text += CommandList(command.subcommands());
  }
  return text + "\nOptions:\n" + DescribeOptions(command.options());
}

std::string Version() { return "fusebay " FUSEBAY_VERSION "\n"; }

int Complain(std::string_view message) {
  fmt::print(stderr, "fusebay: {}\nTry 'fusebay --help' for more information.\n", message);
  return kExitUsage;
}

int RunCommand(const Subcommand& command, const std::string& name,
               std::span<const std::string> words) {
  const bool has_more = command.subcommands != nullptr;
  if (has_more && !words.empty() && !words.front().starts_with('-')) {
    const Subcommand* const next = FindCommand(command.subcommands(), words.front());
    if (next == nullptr) {
      return PrintUsageError(name, fmt::format("unknown command '{}'", words.front()));
    }
    return RunCommand(*next, name + " " + words.front(), words.subspan(1));
  }
  const auto arguments = ParseArguments(command.options(), words);
  if (!arguments.ok()) {
    PrintUsageError(name, arguments.error().message);
    return command.usage_exit;
  }
  if (arguments->Has(kHelpOption)) {
    return PrintOutput(name, CommandHelp(command, name));
  }
  if (arguments->Has(kVersionOption)) {
    return PrintOutput(name, Version());
  }
  return has_more ? PrintUsageError(name, "which command?") : command.run(*arguments);
}

int RunHelp(std::span<const std::string> words) {
  if (words.empty() || words.front() == "help" || words.front() == "--help") {
    return PrintOutput("help", Usage());
  }
  Commands commands = kCommands;
  const Subcommand* command = nullptr;
  for (const std::string& word : words) {
    command = FindCommand(commands, word);
    if (command == nullptr) {
      return Complain(fmt::format("there is no help for '{}'", fmt::join(words, " ")));
    }
    commands = command->subcommands != nullptr ? command->subcommands() : Commands{};
  }
  return PrintOutput("help", CommandHelp(*command, fmt::format("{}", fmt::join(words, " "))));
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
  const Subcommand* const command = FindCommand(kCommands, name);
  if (command == nullptr) {
    return Complain(fmt::format("unknown command '{}'", name));
  }
  return RunCommand(*command, name, words.subspan(1));
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
