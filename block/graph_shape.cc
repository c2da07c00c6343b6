// Who is whose child, as far as the drivers tell.
#include <fmt/format.h>

#include <algorithm>

#include "graph_internal.h"
#include "live_change.h"

namespace fusebay {

namespace {

constexpr ChildRole kChildRoles[] = {ChildRole::kFile, ChildRole::kBacking, ChildRole::kDataFile};

}  // namespace

std::string_view NameOf(ChildRole role) {
  switch (role) {
    case ChildRole::kRoot:
      return "root";
    case ChildRole::kFile:
      return "file";
    case ChildRole::kBacking:
      return "backing";
    case ChildRole::kDataFile:
      return "data-file";
  }
  FB_ASSERT(false);
}

Result<Unit, Error> CheckDetectZeroes(const BlockdevOptions& options) {
  if (options.detect_zeroes == DetectZeroes::kUnmap && !options.discard_unmap) {
    return Error{Errno{EINVAL},
                 "setting detect-zeroes to unmap is not allowed without setting discard operation "
                 "to unmap"};
  }
  return Unit{};
}

Error NoSuchNode(std::string_view device, std::string_view node_name) {
  return Error{Errno{ENOENT},
               fmt::format("Cannot find device='{}' nor node-name='{}'", device, node_name)};
}

Result<Unit, Error> CheckNoJob(const BlockGraph::Impl& graph, const NodeEntry& node) {
  for (const std::unique_ptr<NodeEntry>& other : graph.entries) {
    for (const BlockRef::Impl* const user : other->users) {
      if (!user->job.empty() && graph.Reaches(*other, node)) {
        return Error{Errno{EBUSY}, fmt::format("Node '{}' is busy: job '{}' uses it",
                                               node.node->node_name(), user->job)};
      }
    }
  }
  return Unit{};
}

NodeEntry* BlockGraph::Impl::ChildOf(const NodeEntry& entry, ChildRole role) const {
  LiveNode* const live = entry.node->live();
  const BlockRef* const child = live == nullptr ? nullptr : live->child(role);
  return child == nullptr || !*child ? nullptr : Find(child->node().node_name());
}

bool BlockGraph::Impl::Reaches(const NodeEntry& entry, const NodeEntry& below) const {
  return &entry == &below ||
         std::any_of(std::begin(kChildRoles), std::end(kChildRoles), [&](ChildRole role) {
           const NodeEntry* const child = ChildOf(entry, role);
           return child != nullptr && Reaches(*child, below);
         });
}

unsigned BlockGraph::Impl::HeightOf(const NodeEntry& entry) const {
  unsigned height = 0;
  for (const ChildRole role : kChildRoles) {
    const NodeEntry* const child = ChildOf(entry, role);
    height = std::max(height, child == nullptr ? 0 : HeightOf(*child) + 1);
  }
  return height;
}

}  // namespace fusebay
