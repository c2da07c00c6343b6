// Paths, looked at without touching the file at their end, which may be a mount whose server is
// stuck.
#pragma once
#include <string>

#include "base/result.h"

namespace fusebay {

// Where a mount at `path` stands in the mount table: its folder without symbolic links, plus its
// last name as it is. "'P': No such file or directory".
Result<std::string, Error> MountTablePath(const std::string& path);

// What the last name of `path` points to when it is a symbolic link, else an empty string. Only for
// a path where nothing is mounted.
std::string LinkTarget(const std::string& path);

// For people: control characters become backslash escapes, so that a name keeps to its line.
std::string PrintablePath(const std::string& path);

}  // namespace fusebay
