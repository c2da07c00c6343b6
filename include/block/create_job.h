// Jobs that make images: blockdev-create of the drivers file and qcow2. Names, defaults and
// messages are QEMU's. Other drivers have none: "Driver does not support blockdev-create".
#pragma once
#include <memory>
#include <string>
#include <variant>

#include "block/block_graph.h"
#include "block/job.h"
#include "block/qcow2_create.h"

namespace fusebay {

// An image file of `size` zero bytes. What a file that is there holds is lost, unless it is in use.
struct CreateFileOptions {
  std::string filename;
  std::uint64_t size = 0;
  Prealloc preallocation = Prealloc::kOff;  // kMetadata: "Unsupported preallocation mode"
  bool no_copy_on_write = false;
};

// A qcow2 image in a node that is open, or is opened for this. Others may read the node meanwhile;
// they cannot write, resize, reopen it or put an overlay on it.
struct CreateQcow2Options {
  BlockdevRef file;
  BlockdevRef data_file;       // empty: none
  Qcow2CreateOptions options;  // data_file in here is what the image is to say; empty: the node's
};

using CreateOptions = std::variant<CreateFileOptions, CreateQcow2Options>;

// The job that does it. It concludes with the error; it stays until it is dismissed. `graph`
// outlives it.
std::unique_ptr<Job> MakeCreateJob(BlockGraph& graph, std::string job_id, CreateOptions options);

}  // namespace fusebay
