// Command line options: a table per subcommand, one parser for all of them.
//
// Options and operands may be mixed; "--" ends the options. Forms: --name, --name=value,
// --name value, -n, -nvalue, -n value, and several letters in one word (-wv). Not GLib's parser:
// that takes the next word as the value of an option whose value is optional (`--allow-other
// IMAGE`).
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fusebay {

enum class OptionValue : std::uint8_t { kNone, kRequired, kOptional };

struct OptionSpec {
  std::string_view name;        // without the dashes
  char letter = 0;              // 0: none
  std::string_view value_name;  // what --help calls the value
  std::string_view help;        // one sentence without its full stop
  OptionValue value = OptionValue::kNone;
};

// Every subcommand has these two, and main acts on them.
inline constexpr std::string_view kHelpOption = "help";
inline constexpr std::string_view kVersionOption = "version";
std::span<const OptionSpec> CommonOptions();

struct ParsedOption {
  const OptionSpec* spec;  // in the table that was given, or in CommonOptions
  std::optional<std::string> value;
};

struct ParsedArguments {
  std::vector<ParsedOption> options;  // in the order they were given
  std::vector<std::string> operands;

  bool Has(std::string_view name) const;
  // The last one's value; null when the option was not given.
  const std::string* Value(std::string_view name) const;
};

// Errors: "unknown option '--x'", "option '--x' needs a value", "option '--x' takes no value".
Result<ParsedArguments, Error> ParseArguments(std::span<const OptionSpec> specs,
                                              std::span<const std::string> arguments);

// The lines of --help, the common options last.
std::string DescribeOptions(std::span<const OptionSpec> specs);

}  // namespace fusebay
