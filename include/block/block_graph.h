// BlockGraph: owns every node. Changed on the control loop only, with the gates above closed.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "block/block_driver.h"
#include "block/graph_watch.h"
#include "core/sync.h"

namespace fusebay {

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
  // Closes a node that nobody uses, and then CloseUnused. "Failed to find node with node-name='X'";
  // "Node X is in use" by an export or a job; "Node 'X' is busy: node is used as backing hd of
  // 'Y'"; "Block device X is in use"; or the error of the last flush, and then the node is closed
  // all the same. "Node X is not owned by the monitor": it goes with those who use it.
  Task<Result<Unit, Error>> Remove(std::string_view node_name);
  // Closes every node that was opened for another one, or by a live snapshot, and has no user any
  // more. For whoever has given back a BlockRef.
  Task<Result<Unit, Error>> CloseUnused();
  Task<Result<Unit, Error>> CloseAll();  // flushes; the first error is returned

  BlockNode* Find(std::string_view node_name) const;
  // "Failed to find node with node-name='X'"; "Block node is read-only"; "Permission conflict
  // on node 'X': ..."; a lock's message.
  Result<BlockRef, Error> Use(std::string_view node_name, const PermissionSet& permissions,
                              std::string user);
  std::vector<BlockNode*> nodes() const;

  // Told on `loop` of what happens to nodes. Null: nobody is. What has been posted to the loop
  // before that still arrives.
  void SetObserver(GraphObserver* observer, AioContext& loop);

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
  // Any loop. The caller must not be inside a gate. Several drains may live at once.
  Task<Drained> Drain();

  // A drain that no other one of its kind lives beside: for who changes what others look at while
  // they have drained the graph. Not to be had twice by one operation.
  class Alone {
   public:
    Alone(CoMutex::Guard guard, Drained drained)
        : guard_(std::move(guard)), drained_(std::move(drained)) {}

   private:
    CoMutex::Guard guard_;
    Drained drained_;
  };
  Task<Alone> DrainAlone();
  // Nobody has DrainAlone while the guard lives, but requests go on. Drain is allowed.
  Task<CoMutex::Guard> KeepUnchanged();

  struct Impl;  // internal: block/graph_internal.h
  Impl& impl() { return *impl_; }

 private:
  friend class BlockRef;
  friend struct OpenContext;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fusebay
