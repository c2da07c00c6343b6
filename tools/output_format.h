// --output=human|json, which several subcommands have.
#pragma once
#include <string>

#include "options.h"

namespace fusebay {

enum class OutputFormat : std::uint8_t { kHuman, kJson };

inline Result<OutputFormat, Error> ParseOutputFormat(const ParsedArguments& arguments) {
  const std::string* const value = arguments.Value("output");
  if (value == nullptr || *value == "human") {
    return OutputFormat::kHuman;
  }
  if (*value == "json") {
    return OutputFormat::kJson;
  }
  return Error{Errno(EINVAL), "unknown output format '" + *value + "' (human or json)"};
}

}  // namespace fusebay
