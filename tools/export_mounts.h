// Our exports in the mount table: found by a path as a user writes it, and cut off.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "fuse/mount_table.h"

namespace fusebay {

// The export that a look-up of `path` ends in, symbolic links included. The mounted file itself is
// never touched. "'P' is not mounted by fusebay".
Result<fuse::MountEntry, Error> FindExportMount(const std::vector<fuse::MountEntry>& table,
                                                const std::string& path);

struct OwnMount {
  std::string mountpoint;
  std::string source;
};

// Takes mounts of this process away without waiting for anybody, for a process that ends at once.
// Blocks; what is mounted there by somebody else stays.
void CutOffMounts(std::span<const OwnMount> mounts);

}  // namespace fusebay
