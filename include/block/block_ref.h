// BlockRef: a counted, permission-checked use of a node by an export, a job or a parent node.
//
// Requests of any offset, length and memory alignment: it splits what is too long, reads, modifies
// and writes what is not aligned (excluding overlapping requests meanwhile), and writes zeroes
// where the driver cannot. An aligned request of ordinary size goes straight through: no frame.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "block/block_node.h"
#include "block/io_stats.h"
#include "core/gate.h"

namespace fusebay {

class BlockGraph;
class CoMutex;

// Told, on the loop of the writer, that another user of the node has changed it. Must be quick.
class BlockObserver {
 public:
  virtual ~BlockObserver() = default;
  virtual void OnWritten(std::uint64_t offset, std::uint64_t length) = 0;
  virtual void OnResized(std::uint64_t size) = 0;
};

class BlockRef {
 public:
  BlockRef();  // refers to nothing
  BlockRef(BlockRef&&) noexcept;
  BlockRef& operator=(BlockRef&&) noexcept;
  // Gives the node back. REQUIRES: no operation in progress; control loop.
  ~BlockRef();

  explicit operator bool() const { return impl_ != nullptr; }
  BlockNode& node() const;
  std::uint64_t size() const { return node().size(); }
  const PermissionSet& permissions() const;
  // Changes what this user does and shares. Control loop; all or nothing.
  Result<Unit, Error> SetPermissions(const PermissionSet& permissions);

  // For a root user (export, job): the loops that will use it, each with a gate of its own, which
  // every request must pass first. A parent node's requests are inside its own users' gates.
  void UseOn(std::span<AioContext* const> loops);
  Gate& gate() const;                         // of the current loop. REQUIRES: UseOn has named it.
  IoCounters& counters() const;               // the same; for an IoTimer
  void SetObserver(BlockObserver* observer);  // REQUIRES: the gates are closed, or unused yet

  // [offset, offset + size) REQUIRES: lies inside the node's size.
  Task<Result<>> Read(std::uint64_t offset, IoVec dst) const;
  Task<Result<>> Write(std::uint64_t offset, IoVec src, WriteFlags flags) const;
  Task<Result<>> WriteZeroes(std::uint64_t offset, std::uint64_t length, ZeroFlags flags) const;
  // Never fails because a driver cannot discard.
  Task<Result<>> Discard(std::uint64_t offset, std::uint64_t length) const;
  Task<Result<>> Allocate(std::uint64_t offset, std::uint64_t length) const;
  Task<Result<>> Flush(FlushMode mode) const;
  Task<Result<BlockStatus>> Status(std::uint64_t offset, std::uint64_t length) const;
  // Growing runs beside other requests; the caller of a shrink has drained the graph. What grows a
  // node that others may grow too holds resizing(), which all users of a node share, from its look
  // at the size on, inside its gate: else it would undo what another one has just grown.
  Task<Result<>> Truncate(std::uint64_t size, Prealloc prealloc) const;
  CoMutex& resizing() const;

  struct Impl;  // internal: block/graph_internal.h

 private:
  friend class BlockGraph;
  friend struct OpenContext;
  explicit BlockRef(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fusebay
