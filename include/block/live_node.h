// LiveNode: what a driver lets one change of an open node. A node that implements it says so with
// BlockNode::live().
//
// Everything here is called on the control loop while the graph is drained: no request is in
// progress and none comes.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "block/block_ref.h"
#include "block/options.h"

namespace fusebay {

// What a child is to its parent. The names are those of QEMU's messages: "file", "backing",
// "data-file"; kRoot is no child but the use by an export or a job.
enum class ChildRole : std::uint8_t { kRoot, kFile, kBacking, kDataFile };
std::string_view NameOf(ChildRole role);

class LiveNode {
 public:
  virtual ~LiveNode() = default;
  // Where the node keeps its child; null: the driver knows no such child. What is there may be
  // exchanged for a use of another node with the same permissions; nothing stands for none.
  virtual BlockRef* child(ChildRole role) = 0;
  // The name of an option that differs and cannot be changed; empty: there is none. Children,
  // read-only and detect-zeroes are not the driver's business.
  virtual std::string_view FixedOption(const BlockdevOptions& now,
                                       const BlockdevOptions& wanted) const = 0;
  // Whether it takes other options at all; else only its children may be others.
  virtual bool can_reopen() const { return true; }
  // REQUIRES: can_reopen(). Becomes as `wanted` says, or stays as it is and says why. The children
  // are those of `wanted` already. Leaves the node's read_only() as it is to be.
  virtual Task<Result<Unit, Error>> Reopen(const BlockdevOptions& now,
                                           const BlockdevOptions& wanted) = 0;
  // The name of the backing file that the image itself has; empty: none.
  virtual std::string backing_name() const { return {}; }
  // Changes what the image says about its backing file. REQUIRES: the node is not read-only.
  virtual Task<Result<>> RenameBacking(const std::string& /*name*/, const std::string& /*format*/) {
    return Result<>{Errno{ENOTSUP}};
  }
};

}  // namespace fusebay
