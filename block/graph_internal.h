// What a BlockGraph, its BlockRefs and a drain share. Internal to the block layer.
//
// Everything here is changed on the control loop only, except what says otherwise.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "block/block_graph.h"
#include "block/io_stats.h"
#include "core/sync.h"
#include "range_lock.h"

namespace fusebay {

// The observers of one node. Any loop: they are told under the lock, so an observer is gone once
// Remove has returned.
class ObserverList {
 public:
  struct Item {
    const void* owner;
    BlockObserver* observer;
  };
  // REQUIRES: owner has none yet.
  void Add(const void* owner, BlockObserver* observer);
  void Remove(const void* owner);
  // Whether somebody other than the owner of `own` (may be null) listens.
  bool OthersThan(const BlockObserver* own) const {
    return count_.load(std::memory_order_acquire) > (own == nullptr ? 0u : 1u);
  }
  void TellWritten(const void* writer, std::uint64_t offset, std::uint64_t length);
  void TellResized(const void* writer, std::uint64_t size);

 private:
  std::mutex mutex_;
  std::vector<Item> items_;
  std::atomic<std::size_t> count_{0};
};

// One gate of a root user, on one loop, and what passes it. Shared by the BlockRef and by the
// drains that are closing it: a drain that is on its way to the loop may outlive the BlockRef.
struct LoopGate {
  explicit LoopGate(AioContext& on_loop) : loop(on_loop) {}
  AioContext& loop;
  Gate gate;
  IoCounters counters;
};

// All gates of a graph. Any thread.
struct GateRegistry {
  std::mutex mutex;
  unsigned drains = 0;  // how often each gate is closed, or about to be
  std::vector<std::shared_ptr<LoopGate>> gates;

  // Makes a gate that is closed as often as all the others are.
  std::shared_ptr<LoopGate> Add(AioContext& loop);
  void Remove(const std::shared_ptr<LoopGate>& gate);
};

struct NodeEntry {
  explicit NodeEntry(std::unique_ptr<BlockNode> of) : node(std::move(of)) {}
  std::unique_ptr<BlockNode> node;
  BlockdevOptions options;  // as it was opened, or reopened
  bool owned = true;        // until somebody removes it; else it goes with its last user
  bool closing = false;     // nobody finds it any more, but its name is not free yet
  std::vector<BlockRef::Impl*> users;
  ObserverList observers;  // any loop
  RangeLock ranges;        // any loop
  CoMutex resizing;        // any loop
  IoStats past;            // of users that are gone
};

// Bytes that one bounce buffer holds at most, unless a single block is larger.
inline constexpr std::uint64_t kMaxBounce = std::uint64_t{1} << 20;

struct BlockRef::Impl {
  BlockGraph::Impl* graph = nullptr;
  NodeEntry* entry = nullptr;
  BlockNode* node = nullptr;
  PermissionSet permissions;
  std::atomic<std::uint32_t> used{0};  // a copy of permissions.used, for the data loops
  std::string user;                    // as messages name it: "export 'e'", "node 'x'"
  std::string parent;                  // the node whose child this is; empty: a root user
  ChildRole role = ChildRole::kRoot;
  std::string job;  // whose use it is; empty: no job's
  BlockObserver* observer = nullptr;
  IoStats past;                                  // of loops that are gone
  std::vector<std::shared_ptr<LoopGate>> gates;  // by the loop's index; null: not used there

  LoopGate& GateHere() const;  // of the current loop

  // The ways of a request that cannot go straight to the node. split.cc:
  Task<Result<>> ReadSlow(std::uint64_t offset, IoVec dst) const;
  Task<Result<>> WriteSlow(std::uint64_t offset, IoVec src, WriteFlags flags) const;
  Task<Result<>> WriteHolding(std::uint64_t offset, IoVec src, WriteFlags flags) const;
  // REQUIRES: the caller holds the blocks in entry->ranges.
  Task<Result<>> WriteLocked(std::uint64_t offset, IoVec src, WriteFlags flags) const;
  // rmw.cc: through a bounce buffer; returns how many bytes were done, at least 1.
  Task<Result<std::uint64_t>> ReadBounced(std::uint64_t offset, IoVec dst) const;
  Task<Result<std::uint64_t>> WriteBounced(std::uint64_t offset, IoVec src, WriteFlags flags) const;
  // zeroes.cc:
  Task<Result<>> ZeroSlow(std::uint64_t offset, std::uint64_t length, ZeroFlags flags) const;
  Task<Result<>> ZeroWholeBlocks(std::uint64_t offset, std::uint64_t length, ZeroFlags flags) const;
  Task<Result<>> ZeroByWriting(std::uint64_t offset, std::uint64_t length, bool fua) const;
  Task<Result<>> DiscardWholeBlocks(std::uint64_t offset, std::uint64_t length) const;
  // block_ref.cc: awaits `change` and tells the other users' observers.
  Task<Result<>> ThenTell(std::uint64_t offset, std::uint64_t length, Task<Result<>> change) const;
  Task<Result<>> TruncateThenTell(std::uint64_t size, Prealloc prealloc) const;
};

struct BlockGraph::Impl {
  std::vector<std::unique_ptr<NodeEntry>> entries;
  std::vector<std::string> opening;  // names of nodes that are being opened
  unsigned next_name = 1;
  CoMutex changing;  // one Open, Remove or change of an open node at a time; taken before `alone`
  CoMutex alone;     // of DrainAlone
  GateRegistry gates;
  GraphWatch watch;

  NodeEntry* Find(std::string_view node_name) const;  // null also for one that is closing
  // Errors: "Invalid node-name: 'X'"; "Duplicate nodes with node-name='X'".
  Result<Unit, Error> CheckName(std::string_view node_name) const;
  NodeEntry& Insert(std::unique_ptr<BlockNode> node);
  Task<Result<NodeEntry*, Error>> Open(BlockGraph& graph, const BlockdevOptions& options,
                                       unsigned depth);
  // REQUIRES: nobody uses it.
  Task<Result<Unit, Error>> Close(NodeEntry& entry);
  Task<Result<Unit, Error>> CloseUnused();

  // Who uses a node, and as what.
  struct User {
    std::string name;
    std::string parent{};
    ChildRole role = ChildRole::kRoot;
    static User Child(const std::string& parent, ChildRole role);
  };
  Result<BlockRef, Error> UseAsChild(NodeEntry& entry, const PermissionSet& set,
                                     const std::string& parent, ChildRole role);
  void SetOptions(NodeEntry& entry, const BlockdevOptions& options);
  Result<std::unique_ptr<BlockRef::Impl>, Error> Use(NodeEntry& entry, const PermissionSet& set,
                                                     User user);
  // The same user with another set; user is null for a new one. `named` is for messages.
  Result<Unit, Error> Permit(NodeEntry& entry, const BlockRef::Impl* user, const PermissionSet& set,
                             const User& named);
  // "Permission conflict on node 'X': ...", where one of two users does what the other one does not
  // share. `named` has, or asks for, the set.
  static Result<Unit, Error> CheckShared(const NodeEntry& entry, const PermissionSet& set,
                                         const User& named, const BlockRef::Impl& other);
  void Drop(BlockRef::Impl& user);
  // What all users of a node together need, except one, who may be null.
  static PermissionSet Together(const NodeEntry& entry, const BlockRef::Impl* except);
  // graph_shape.cc: the child of a node; null: none.
  NodeEntry* ChildOf(const NodeEntry& entry, ChildRole role) const;
  // Whether `below` is `entry`, or below it.
  bool Reaches(const NodeEntry& entry, const NodeEntry& below) const;
  // How many nodes are below, on the longest way.
  unsigned HeightOf(const NodeEntry& entry) const;
  // live_snapshot.cc: moves all users of `node` to `target`, except `target` itself. All or
  // nothing. REQUIRES: a drained graph.
  Result<Unit, Error> MoveUsers(NodeEntry& node, NodeEntry& target);
  // The same, with `node` as the backing image of `overlay`.
  Result<Unit, Error> PutOnTop(NodeEntry& node, NodeEntry& overlay);
};

// "setting detect-zeroes to unmap is not allowed without setting discard operation to unmap"
Result<Unit, Error> CheckDetectZeroes(const BlockdevOptions& options);

// "Cannot find device='D' nor node-name='X'"
Error NoSuchNode(std::string_view device, std::string_view node_name);

}  // namespace fusebay
