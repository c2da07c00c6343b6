// Live changes of open nodes. Names, rules and messages are those of QEMU's blockdev-reopen,
// block_resize and change-backing-file.
//
// Requests wait meanwhile and go on afterwards; none fails because of a change. Control loop.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "block/block_graph.h"

namespace fusebay {

// Gives open nodes other options, each found by its node_name; all of them, or none. Options that
// are not given have their defaults, not what they were: QEMU's rule. A child is named, or is
// defined as it was opened, with changes; backing must be said of an image that has one. The order
// does not matter: what becomes writable does so from below, what becomes read-only from above.
//
// Errors: "node-name not specified"; "Failed to find node with node-name='X'"; "Cannot change the
// option 'O'"; "Cannot find device='' nor node-name='X'" of a child; "backing is missing for 'X'";
// "Making 'X' a backing child of 'Y' would create a cycle"; "Read-only block node 'X' cannot
// support read-write users"; "Block node is read-only"; "Node 'X' is busy: job 'J' uses it"; a
// lock's or the driver's message.
Task<Result<Unit, Error>> ReopenNodes(BlockGraph& graph, std::vector<BlockdevOptions> options);

// Makes the disk of a node another size; all its users are told before this returns. Errors:
// "Cannot find device='' nor node-name='X'"; "Image is read-only"; "Node 'X' is busy: ..."; "The
// new size is too large"; "Could not resize 'X': ...".
Task<Result<Unit, Error>> ResizeNode(BlockGraph& graph, const std::string& node_name,
                                     std::uint64_t size);

// Makes the image of `image_node_name`, which is in the chain of `node_name`, name another backing
// file; its format is that of the backing node. An image that is read-only is made writable for
// that. What is open stays as it is.
//
// Errors: "Cannot find device='X' nor node-name='X'"; "not allowing backing file change on an image
// without a backing file"; "'X' and image file are not in the same chain"; "Could not change
// backing file to 'F'".
Task<Result<Unit, Error>> ChangeBackingFile(BlockGraph& graph, const std::string& node_name,
                                            const std::string& image_node_name,
                                            const std::string& backing_file);

}  // namespace fusebay
