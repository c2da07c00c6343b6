// Mountpoints of single-file exports: which file a path means, and whether it may be mounted over.
//
// These functions block (they walk paths): not for a loop's thread.
#pragma once
#include <string>

#include "base/result.h"

namespace fusebay {

// The absolute path without symbolic links; the file itself is not looked at, only its folders.
// "Failed to stat 'P': No such file or directory".
Result<std::string, Error> ResolveMountpoint(const std::string& path);

// Unmounts what killed servers have left mounted at `resolved`. EEXIST: one that lives is there.
Result<Unit, Error> ClearDeadMounts(const std::string& path, const std::string& resolved,
                                    const std::string& fusermount);

// Makes sure that `resolved` is a regular file with no living export on it. What a killed server
// left mounted there is unmounted first; a server that does not answer is not taken for killed.
// Messages name `path`, as the user wrote it.
Result<Unit, Error> PrepareMountpoint(const std::string& path, const std::string& resolved,
                                      const std::string& fusermount);

Error MountpointTaken(const std::string& path);

}  // namespace fusebay
