// `fusebay umount`: takes exports away, and returns when they are flushed.
#include <fmt/format.h>

#include <array>

#include "export_list.h"
#include "export_mounts.h"
#include "subcommand.h"
#include "unmount_wait.h"

namespace fusebay {

namespace {

constexpr std::chrono::seconds kWaitLimit{60};

constexpr std::array kSpecs = {
    OptionSpec{"lazy", 'l', "", "Detach it now, even if it is in use, and do not wait"},
};

Result<Unit, Error> UmountOne(const std::string& path, bool lazy) {
  FB_ASSIGN(const std::vector<fuse::MountEntry> table, fuse::ReadMountTable());
  FB_ASSIGN(const fuse::MountEntry entry, FindExportMount(table, path));
  const RuntimePlace place = RuntimePlace::OfThisProcess();
  std::optional<ExportRecord> record;
  for (ListedExport& item : JoinExports(table, ReadRecords(place, table))) {
    if (item.mount.IsSameMount(entry)) {
      record = std::move(item.record);
    }
  }
  const auto mode = lazy ? fuse::UnmountMode::kLazy : fuse::UnmountMode::kBusyFails;
  const auto unmounted = fuse::Unmount(entry, mode);
  if (!unmounted.ok()) {
    const bool busy = unmounted.error().code == Errno(EBUSY);
    return Error{unmounted.error().code,
                 unmounted.error().message + (busy ? "; close it first, or use --lazy" : "")};
  }
  if (lazy || !record.has_value()) {
    return Unit{};
  }
  return WaitForExportEnd(*record, entry, kWaitLimit, [&place] {
    const auto now = fuse::ReadMountTable();
    return ReadRecords(place, now.ok() ? *now : std::vector<fuse::MountEntry>{});
  });
}

int Run(const ParsedArguments& arguments) {
  if (arguments.operands.empty()) {
    return PrintUsageError("umount", "which mountpoint?");
  }
  int exit_code = kExitOk;
  for (const std::string& path : arguments.operands) {
    const auto done = UmountOne(path, arguments.Has("lazy"));
    if (!done.ok()) {
      PrintError("umount", done.error().message);
      exit_code = kExitFailure;
    }
  }
  return exit_code;
}

}  // namespace

const Subcommand kUmountCommand = {
    "umount",
    "take an export away when everything is flushed",
    "[OPTION]... MOUNTPOINT...",
    "Unmounts each MOUNTPOINT and waits, at most a minute, until its server has written\n"
    "everything to the image and ended.",
    [] { return std::span<const OptionSpec>(kSpecs); },
    Run,
};

}  // namespace fusebay
