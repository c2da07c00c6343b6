// What is known about the nodes of a graph: query-named-block-nodes, query-block, query-blockstats.
// Control loop.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "block/block_graph.h"
#include "block/io_stats.h"

namespace fusebay {

struct NodeChild {
  ChildRole role = ChildRole::kFile;
  std::string node_name;
};

struct NodeInfo {
  std::string node_name;
  std::string driver;
  bool read_only = false;
  bool active = true;
  bool encrypted = false;
  DetectZeroes detect_zeroes = DetectZeroes::kOff;
  CacheOptions cache;
  std::uint64_t write_threshold = 0;  // 0: none
  std::string file;                   // the image file's name, or what stands for it
  std::string backing_file;           // the name of the backing node's file; empty: none
  unsigned backing_depth = 0;         // backing nodes below
  ImageInfo image;                    // of this node
  std::vector<ImageInfo> chain;  // of its backing nodes, from above: backing-image in backing-image
  std::vector<NodeChild> children;
  std::vector<std::string> users;  // exports and jobs: "export 'e'"
};

// Of every node, the newest first. What cannot be read of an image is missing in it.
Task<std::vector<NodeInfo>> DescribeNodes(BlockGraph& graph);
// Of one: "Cannot find device='' nor node-name='X'", or why its image cannot be looked at.
Task<Result<NodeInfo, Error>> DescribeNode(BlockGraph& graph, const std::string& node_name);

struct NodeStats {
  std::string node_name;
  std::string driver;
  // Of all exports and jobs that use the node or have used it, while they did. One that moves to
  // the overlay of a live snapshot takes its own numbers along.
  IoStats stats;
  std::vector<NodeChild> children;
};
std::vector<NodeStats> CollectStats(BlockGraph& graph);

// What a use of a node that has a name of its own has counted ("export 'e'"); nothing where there
// is none such.
struct UserStats {
  std::string user;
  std::string node_name;
  IoStats stats;
};
std::vector<UserStats> CollectUserStats(BlockGraph& graph);

// A use of a node: by another one, or by an export or a job.
struct GraphEdge {
  std::string parent;  // the node; empty: none
  std::string user;    // "node 'q'", "export 'e'"
  std::string child;
  ChildRole role = ChildRole::kRoot;
  PermissionSet permissions;
};
std::vector<GraphEdge> CollectEdges(BlockGraph& graph);

}  // namespace fusebay
