// mount.fuse.fusebay: what mount(8) runs for `mount -t fuse.fusebay SOURCE TARGET -o OPTIONS` and
// for such a line of /etc/fstab.
//
// The installed name is a symbolic link to fusebay. Where it is not in mount(8)'s folder,
// mount.fuse3 runs `fusebay SOURCE TARGET -o OPTIONS` instead, SOURCE being an absolute path.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "mount_request.h"
#include "options.h"

namespace fusebay {

struct HelperRequest {
  MountRequest mount;
  std::string mount_namespace;  // -N: a PID, or the path of a namespace file
  bool fake = false;            // -f: check the options and do nothing else
  bool show_help = false;
  bool show_version = false;
};

bool IsMountHelperCall(std::string_view program, std::span<const std::string> words);
// A pure function; mount_namespace is left to RunMountHelper.
Result<HelperRequest, Error> ParseMountHelperCall(std::span<const std::string> words);
// Returns the exit code of the program.
int RunMountHelper(std::span<const std::string> words);

}  // namespace fusebay
