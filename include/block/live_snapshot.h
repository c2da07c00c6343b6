// Live snapshots: a node gets an overlay on top, and everybody who has used the node uses the
// overlay from then on. Names, rules and messages are those of QEMU's blockdev-snapshot and
// blockdev-snapshot-sync.
//
// Requests wait meanwhile and go on afterwards; none fails. Control loop.
#pragma once
#include <string>

#include "block/block_graph.h"

namespace fusebay {

// Makes `node_name` the backing image of an open overlay and moves its users there; then the node
// becomes read-only where that is possible. All or nothing.
//
// Errors: "Cannot find device='X' nor node-name='X'"; "Node 'X' is busy: node is used as backing hd
// of 'Y'"; "The overlay is already in use"; "The overlay already has a backing image"; "The overlay
// does not support backing images"; "Making 'X' a backing child of 'Y' would create a cycle"; "An
// IO error has occurred"; "Block node is read-only"; "Permission conflict on node 'X': ...", of an
// overlay that writes the node itself; a lock's message.
Task<Result<Unit, Error>> TakeSnapshot(BlockGraph& graph, const std::string& node_name,
                                       const std::string& overlay_name);

struct SnapshotSyncRequest {
  std::string node_name;
  std::string filename;      // of the overlay
  std::string overlay_name;  // its node name; required
  std::string format = "qcow2";
  // The image is there already, and its backing file, if it has one, is the node's image; else it
  // is made, as large as the node.
  bool existing = false;
};

// Makes or opens an overlay and takes a snapshot with it. A new image names the node's image file
// as its backing file. The overlay closes with its last user; it cannot be removed by name.
//
// Errors besides those of TakeSnapshot: "New overlay node-name missing"; "New overlay node-name
// already in use"; "Invalid node-name: 'X'"; "Unknown file format 'X'"; "Backing file not supported
// for file format 'X'"; "Could not create 'F': ..."; "Could not open 'F': ..."; of a new image also
// "Node 'X' shows a part of its file, which cannot be named as a backing file" and "Node 'X' of
// driver 'D' cannot be named as a backing file". After an error there is no new file.
Task<Result<Unit, Error>> TakeSnapshotInFile(BlockGraph& graph, const SnapshotSyncRequest& request);

}  // namespace fusebay
