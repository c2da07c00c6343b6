// What is known about nodes, in the schema's types.
#pragma once
#include <span>
#include <string>
#include <unordered_map>

#include "block/graph_query.h"
#include "qapi/generated/types.h"

namespace fusebay {

// Without its backing image.
qapi::ImageInfo ToQapi(const ImageInfo& info);
// flat: of the node alone.
qapi::BlockDeviceInfo ToQapi(const NodeInfo& node, bool flat);

using StatsByName = std::unordered_map<std::string, const NodeStats*>;
// The node's statistics with, as "parent", those of the node that holds its data.
// REQUIRES: `all` has the nodes below.
qapi::BlockStats ToQapi(const NodeStats& node, const StatsByName& all);

}  // namespace fusebay
