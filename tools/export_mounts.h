// Finds our exports in the mount table by a path as a user writes it.
#pragma once
#include <string>
#include <vector>

#include "fuse/mount_table.h"

namespace fusebay {

// The export that a look-up of `path` ends in, symbolic links included. The mounted file itself is
// never touched. "'P' is not mounted by fusebay".
Result<fuse::MountEntry, Error> FindExportMount(const std::vector<fuse::MountEntry>& table,
                                                const std::string& path);

}  // namespace fusebay
