// What is known about nodes, as query-named-block-nodes tells it. Internal to the block layer.
#pragma once
#include <unordered_map>

#include "block/image_info.h"
#include "graph_internal.h"
#include "qapi/generated/types.h"

namespace fusebay {

// Without its backing image.
qapi::ImageInfo ToQapi(const ImageInfo& info);

using ImageInfos = std::unordered_map<const NodeEntry*, ImageInfo>;

// REQUIRES: `infos` has the node and all nodes of its backing chain. flat: of the node alone.
qapi::BlockDeviceInfo Describe(const BlockGraph::Impl& graph, const NodeEntry& entry,
                               const ImageInfos& infos, bool flat);

}  // namespace fusebay
