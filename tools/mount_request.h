// MountRequest: what `fusebay mount` was asked to do, after its command line has been checked.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "block/open_image.h"
#include "export/fuse_export.h"

namespace fusebay {

struct MountRequest {
  ImageRequest image;
  // A qcow2 file that takes the writes instead of the image; "": a temporary one.
  std::optional<std::string> overlay;
  bool compress = false;                 // what is written is stored compressed
  std::vector<std::string> mountpoints;  // one export of the node each, at least one
  FuseExportOptions fuse;  // for each of them; id, node_name, mountpoint are filled in
  bool create = false;     // make a missing mountpoint file
  bool foreground = false;
  bool verbose = false;
  unsigned loops = 0;     // data loops; 0: one per CPU, at most 4
  long poll_max_ns = -1;  // -1: the default
};

// Opens, mounts and serves until unmounted or told to stop; returns the exit code of the program.
// Without `foreground` the calling process returns 0 as soon as the files are ready.
int RunMount(const MountRequest& request);

}  // namespace fusebay
