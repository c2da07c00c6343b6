// BlockGraph: owns every node. Changed on the control loop only, with the gates above closed.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "block/block_driver.h"

namespace fusebay {

struct ImageRequest;

class BlockGraph {
 public:
  static constexpr unsigned kMaxDepth = 200;  // of a backing chain

  BlockGraph();
  BlockGraph(const BlockGraph&) = delete;
  BlockGraph& operator=(const BlockGraph&) = delete;
  ~BlockGraph();  // REQUIRES: CloseAll has returned and no BlockRef is left.

  // Opens a node and everything below it. Errors: "Duplicate nodes with node-name='X'", "Unknown
  // driver 'X'", and whatever the driver says. On failure nothing is left open.
  Task<Result<BlockNode*, Error>> Open(const BlockdevOptions& options);
  // Takes a node that was made elsewhere (a filter that a job puts in, a test's own) and closes it
  // as if it had been opened here. Same errors about its name.
  Result<BlockNode*, Error> Add(std::unique_ptr<BlockNode> node);
  // Closes a node that nobody uses, and those of the nodes that were opened with it which nobody
  // uses either. "Failed to find node with node-name='X'"; "Node 'X' is busy: ..."; or the error of
  // the last flush, and then the node is closed all the same.
  Task<Result<Unit, Error>> Remove(std::string_view node_name);
  Task<Result<Unit, Error>> CloseAll();  // flushes; the first error is returned

  BlockNode* Find(std::string_view node_name) const;
  // "Failed to find node with node-name='X'"; "Node 'X' is busy: Y uses it as ..."; a lock's
  // message.
  Result<BlockRef, Error> Use(std::string_view node_name, const PermissionSet& permissions,
                              std::string user);
  std::vector<BlockNode*> nodes() const;

  // While a Drained lives nobody is inside any gate, and nobody gets in.
  class Drained {
   public:
    explicit Drained(BlockGraph* graph) : graph_(graph) {}
    Drained(Drained&& other) noexcept : graph_(std::exchange(other.graph_, nullptr)) {}
    Drained& operator=(Drained&&) = delete;
    ~Drained();

   private:
    BlockGraph* graph_;
  };
  // Any loop. The caller must not be inside a gate.
  Task<Drained> Drain();

 private:
  friend class BlockRef;
  friend struct OpenContext;
  friend Task<Result<BlockNode*, Error>> OpenImage(BlockGraph& graph, const ImageRequest& request);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fusebay
