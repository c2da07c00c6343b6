// Path to export, by the mount table alone.
#include "export_mounts.h"

#include <fmt/format.h>

#include "core/log.h"
#include "paths.h"

namespace fusebay {

Result<fuse::MountEntry, Error> FindExportMount(const std::vector<fuse::MountEntry>& table,
                                                const std::string& path) {
  constexpr int kMaxLinks = 40;  // as the kernel has it
  std::string next = path;
  for (int links = 0; links <= kMaxLinks && !next.empty(); ++links) {
    FB_ASSIGN(const std::string place, MountTablePath(next));
    const fuse::MountEntry* const entry = fuse::FindTopMount(table, place);
    if (entry != nullptr && entry->type == fuse::kMountType) {
      return *entry;
    }
    next = entry == nullptr ? LinkTarget(place) : "";
  }
  return Error{Errno(EINVAL), fmt::format("'{}' is not mounted by fusebay", path)};
}

void CutOffMounts(std::span<const OwnMount> mounts) {
  const auto table = fuse::ReadMountTable();
  if (!table.ok()) {
    return;
  }
  for (const OwnMount& mount : mounts) {
    const fuse::MountEntry* const entry = fuse::FindTopMount(*table, mount.mountpoint);
    if (entry != nullptr && entry->type == fuse::kMountType && entry->source == mount.source) {
      fuse::AbortSession(*entry);
      const Result<Unit, Error> cut = fuse::Unmount(*entry, fuse::UnmountMode::kLazy);
      if (!cut.ok()) {
        LogError(cut.error().message);
      }
    }
  }
}

}  // namespace fusebay
