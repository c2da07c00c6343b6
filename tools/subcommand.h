// Subcommand: one row of the program's table, and how every subcommand speaks to the user.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "options.h"

namespace fusebay {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;

struct Subcommand {
  std::string_view name;
  std::string_view summary;   // a few words, for the list in `fusebay --help`
  std::string_view operands;  // as the synopsis shows them
  std::string_view details;   // a paragraph for its own --help
  std::span<const OptionSpec> (*options)();
  int (*run)(const ParsedArguments& arguments);  // returns the exit code of the program
  // Null: none. With them the word after the name says which one is meant, and `run` is null.
  std::span<const Subcommand* const> (*subcommands)() = nullptr;
  int usage_exit = kExitUsage;  // of the program when the command line is wrong
};

extern const Subcommand kMountCommand;
extern const Subcommand kDaemonCommand;
extern const Subcommand kUmountCommand;
extern const Subcommand kListCommand;
extern const Subcommand kInfoCommand;
extern const Subcommand kImgCommand;
extern const Subcommand kQmpCommand;

// "fusebay COMMAND: MESSAGE" to stderr.
void PrintError(std::string_view command, std::string_view message);
// The same, with a hint at --help; returns kExitUsage.
int PrintUsageError(std::string_view command, std::string_view message);
// To stdout, all of it; returns kExitFailure, and says why, where it cannot be written.
int PrintOutput(std::string_view command, std::string_view text);

}  // namespace fusebay
