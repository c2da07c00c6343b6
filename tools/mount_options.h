// The options of an export: of `fusebay mount`, and of `mount -o` and /etc/fstab.
//
// Both write into MountSettings, by the same table: `--poll-max-ns=0` is `-o poll_max_ns=0`, too.
// Everything here is a pure function of its arguments.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mount_request.h"
#include "options.h"

namespace fusebay {

struct MountSettings {
  MountRequest request;
  bool read_only = false;   // -o ro
  bool offset_set = false;  // --offset or --size
};

std::span<const OptionSpec> MountOptionSpecs();

Result<Unit, Error> ApplyMountOption(MountSettings& settings, std::string_view name,
                                     const std::optional<std::string>& value);

// One option of a list "a,b=c": a backslash makes the character behind it an ordinary one.
struct ListedOption {
  std::string name;
  std::optional<std::string> value;
};
std::vector<ListedOption> SplitOptionList(std::string_view text);

// exec, noexec and dirsync become flags of the mount; the options of mount(8) that say nothing
// about an export are accepted. `sloppy`: unknown options are, too. Errors: "unknown option 'x'",
// ...
Result<Unit, Error> ApplyOptionList(MountSettings& settings, std::string_view text, bool sloppy);

// The request, if its parts fit together: "--growable needs --writable", ...
Result<MountRequest, Error> FinishSettings(MountSettings settings);

// The command line of `fusebay mount`.
Result<MountRequest, Error> ParseMountArguments(const ParsedArguments& arguments);

}  // namespace fusebay
