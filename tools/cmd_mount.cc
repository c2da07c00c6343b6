// `fusebay mount`: exports an image as a file.
#include "mount_options.h"
#include "subcommand.h"

namespace fusebay {

namespace {

int Run(const ParsedArguments& arguments) {
  const auto request = ParseMountArguments(arguments);
  if (!request.ok()) {
    return PrintUsageError("mount", request.error().message);
  }
  return RunMount(*request);
}

}  // namespace

const Subcommand kMountCommand = {
    "mount",
    "show the disk of an image as a file",
    "[OPTION]... IMAGE MOUNTPOINT...",
    "Shows the disk inside IMAGE, a raw or qcow2 image, as the regular file MOUNTPOINT, which "
    "must\n"
    "exist (or see --create). Returns when the file is ready and serves it in the background "
    "until\n"
    "it is unmounted. Sizes may have a suffix K, M, G, T, P or E.",
    MountOptionSpecs,
    Run,
};

}  // namespace fusebay
