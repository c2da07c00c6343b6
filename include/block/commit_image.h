// CommitImage: puts what an image has on top of its backing file into that file, as `qemu-img
// commit` does.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "block/block_graph.h"

namespace fusebay {

struct CommitRequest {
  std::string filename;
  std::string format;  // empty: guessed by content
  bool keep = false;   // leave the image as it is; else it has nothing of its own afterwards
  // Told, on the loop, how much of the disk has been looked at. Must be quick. May be empty.
  std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)> progress;
};

// Nobody else may use the image or its backing file meanwhile, except to read the latter's own
// backing files. The backing file becomes as large as the image if it is smaller, never smaller.
//
// The image is emptied when the backing file has everything on the disk: whenever this ends, one of
// the two has all the data, and it can be done again. Errors: those of OpenImage; "Image does not
// have a backing file"; "F: could not ...: reason".
Task<Result<Unit, Error>> CommitImage(BlockGraph& graph, const CommitRequest& request);

}  // namespace fusebay
