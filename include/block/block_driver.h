// BlockDriver: what a format or a protocol is. One constant per driver, all of them listed in
// block/drivers.cc, so that nothing registers itself behind main's back.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "block/block_node.h"
#include "block/block_ref.h"
#include "block/live_node.h"
#include "block/options.h"

namespace fusebay {

class BlockGraph;

using NodeResult = Result<std::unique_ptr<BlockNode>, Error>;

// What a driver's open has at hand.
struct OpenContext {
  BlockGraph& graph;
  std::string node_name;
  // Opens, or finds by name, a child of the node that is being opened. `depth` guards chains.
  Task<Result<BlockRef, Error>> OpenChild(const BlockdevRef& child, ChildRole role,
                                          const PermissionSet& permissions);
  unsigned depth = 0;  // of this node below the one the user named
};

struct BlockDriver {
  std::string_view name;
  // How sure the driver is that an image that begins with `head` is its own: 0 to 100. Null: a
  // protocol, never guessed.
  int (*probe)(ByteSpan head) = nullptr;
  Task<NodeResult> (*open)(const BlockdevOptions& options, OpenContext& context) = nullptr;
};

std::span<const BlockDriver* const> BlockDrivers();
const BlockDriver* FindDriver(std::string_view name);

}  // namespace fusebay
