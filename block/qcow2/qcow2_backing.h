// Names of other files in a qcow2 image: the backing file and the data file..
#pragma once
#include <string>
#include <string_view>

#include "block/options.h"
#include "core/task.h"
#include "qcow2/qcow2_header.h"

namespace fusebay::qcow2 {

// Where `name`, found in the image `image_filename`, is: relative names begin in the image's
// folder. "file:" is taken off; any other name with a protocol ("json:", "nbd:") is as it was.
std::string FullName(std::string_view image_filename, std::string_view name);

// How to open the backing file that `header` names. A format that the image does not say leaves
// options.driver empty: then it is to be probed in the file `probe_filename`. Understands plain
// names, "file:" and "json:{...}" with the drivers qcow2, raw, file and host_device; refuses other
// protocols by name.
// The file's name is what the image's name is, relative perhaps; it is opened where the image's
// absolute `image_path` says (empty: as image_filename).
struct Backing {
  BlockdevOptions options;
  std::string probe_filename;
};
Result<Backing, Error> ParseBacking(const Header& header, std::string_view image_filename,
                                    std::string_view image_path = {});

// A file node on `filename`, read-only; opened at `path`, unless that is empty.
BlockdevRef FileNode(std::string filename, std::string path = {});
// Puts a format ("qcow2", "raw") on top of `file`.
BlockdevOptions FormatOn(std::string_view format, BlockdevRef file);

}  // namespace fusebay::qcow2
