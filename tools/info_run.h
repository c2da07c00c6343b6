// What `fusebay info` and `fusebay img info` have in common: everything but the name.
#pragma once
#include "subcommand.h"

namespace fusebay {

inline constexpr std::string_view kInfoSummary = "show the size and the properties of an image";
inline constexpr std::string_view kInfoOperands = "[OPTION]... IMAGE";
inline constexpr std::string_view kInfoDetails =
    "Shows the format, the sizes, the backing file, the snapshots and the other properties of\n"
    "IMAGE. The JSON form has the members of qemu-img info.";
std::span<const OptionSpec> InfoOptions();

// `command` is its name in messages. Returns the exit code of the program.
int RunInfo(std::string_view command, const ParsedArguments& arguments);

}  // namespace fusebay
