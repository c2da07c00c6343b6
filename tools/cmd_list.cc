// `fusebay list`: what is exported, and by which process.
#include <fcntl.h>
#include <sys/stat.h>

#include <array>

#include "export_list.h"
#include "output_format.h"
#include "subcommand.h"

namespace fusebay {

namespace {

constexpr std::array kSpecs = {
    OptionSpec{"output", 0, "FORMAT", "human or json (human)", OptionValue::kRequired},
};

// The size that the kernel has in its cache: the server is not asked, so that a stuck one does not
// hold us up. Nothing where the kernel has not asked for it yet, or the caller may not.
std::optional<std::uint64_t> CachedSize(const fuse::MountEntry& entry) {
  struct statx st{};
  const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
  if (::statx(AT_FDCWD, entry.mountpoint.c_str(), flags, STATX_SIZE, &st) != 0 ||
      st.stx_dev_major != entry.device_major || st.stx_dev_minor != entry.device_minor ||
      st.stx_size == 0) {
    return std::nullopt;
  }
  return st.stx_size;
}

int Run(const ParsedArguments& arguments) {
  const auto format = ParseOutputFormat(arguments);
  if (!format.ok()) {
    return PrintUsageError("list", format.error().message);
  }
  if (!arguments.operands.empty()) {
    return PrintUsageError("list", "no operand is expected");
  }
  const auto table = fuse::ReadMountTable();
  if (!table.ok()) {
    PrintError("list", table.error().message);
    return kExitFailure;
  }
  auto exports = JoinExports(*table, ReadRecords(RuntimePlace::OfThisProcess(), *table));
  for (ListedExport& item : exports) {
    if (const auto size = CachedSize(item.mount); size.has_value()) {
      item.size = size;
    }
  }
  return PrintOutput("list", *format == OutputFormat::kJson ? RenderExportsJson(exports)
                                                            : RenderExportsText(exports));
}

}  // namespace

const Subcommand kListCommand = {
    "list",
    "show what is exported, and by which process",
    "[OPTION]...",
    "Shows every export of the caller's mount namespace: its mountpoint, format, mode, size,\n"
    "user, serving process, state and image. Of other users' exports only what the mount table\n"
    "says is known. The state is served, dead (unmount it) or unknown.",
    [] { return std::span<const OptionSpec>(kSpecs); },
    Run,
};

}  // namespace fusebay
