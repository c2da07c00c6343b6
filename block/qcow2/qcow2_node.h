// Qcow2Node: an opened qcow2 image as a node of the graph. Glue: the map says where bytes are, the
// children have them.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "block/block_node.h"
#include "block/live_node.h"
#include "core/clock.h"
#include "core/scope.h"
#include "qcow2/qcow2_image.h"
#include "qcow2/qcow2_inflater.h"
#include "qcow2/qcow2_map.h"
#include "qcow2/writer.h"

namespace fusebay::qcow2 {

class Qcow2Node : public BlockNode, public LiveNode, private GuestReader {
 public:
  // Of one request, read at the same time.
  static constexpr std::size_t kMaxParallelRuns = 16;
  // Runs that one Status looks at to find how far the same state goes.
  static constexpr unsigned kMaxStatusRuns = 1024;

  Qcow2Node(std::string node_name, bool read_only, Image image);
  // Before anything else is done with a node that is not read_only.
  Task<Result<Unit, Error>> PrepareToWrite();
  // From now on tables that nobody uses give their memory back, as image.caches says.
  // On the loop that will close the node.
  void StartCleaning();
  // Slices of L2 that are in memory.
  std::size_t held_slices() { return map_->held_slices(); }
  // As of Writer: of a node that is not read_only, opened without its backing image.
  Task<Result<>> Empty() { return writer_->Empty(size()); }

  // qcow2_reopen.cc
  BlockRef* child(ChildRole role) override;
  std::string_view FixedOption(const BlockdevOptions& now,
                               const BlockdevOptions& wanted) const override;
  Task<Result<Unit, Error>> Reopen(const BlockdevOptions& now,
                                   const BlockdevOptions& wanted) override;
  std::string backing_name() const override { return image_.header.backing_name; }
  Task<Result<>> RenameBacking(const std::string& name, const std::string& format) override;

 private:
  Task<Result<>> DoRead(std::uint64_t offset, IoVec dst) override;
  Task<Result<>> DoWrite(std::uint64_t offset, IoVec src, WriteFlags flags) override;
  Task<Result<>> DoWriteZeroes(std::uint64_t offset, std::uint64_t length,
                               ZeroFlags flags) override;
  Task<Result<>> DoSpace(std::uint64_t offset, std::uint64_t length, bool allocate) override;
  Task<Result<>> DoFlush(FlushMode mode) override;
  Task<Result<>> DoTruncate(std::uint64_t size, Prealloc prealloc) override;
  Task<Result<BlockStatus>> DoStatus(std::uint64_t offset, std::uint64_t length) override;
  Task<Result<std::uint64_t>> DoAllocatedSize() override;
  Task<Result<ImageInfo, Error>> DoInfo() override;
  Task<Result<>> DoClose() override;

  Task<Result<>> ReadGuest(std::uint64_t offset, IoVec dst) override;
  bool ForgetCompressed(std::uint64_t descriptor) override { return inflater_.Forget(descriptor); }
  Task<Result<>> ReadRun(const Run& run, std::uint64_t offset, IoVec dst);
  Task<Result<>> ReadRuns(std::uint64_t offset, IoVec dst);
  using Pass = std::optional<Grace::Pass>;  // nothing: the image is not written
  Pass EnterGrace();
  Task<Unit> ReadPiece(Run run, std::uint64_t offset, IoVec dst, Result<>& result, Pass pass);
  Task<Result<BlockStatus>> StatusOfRun(std::uint64_t offset, std::uint64_t length);
  Task<Result<BlockStatus>> StatusInFile(Run run);
  Task<Result<BlockStatus>> StatusOfBacking(Run run, std::uint64_t offset);
  bool IsPlain(const Run& run) const;
  BlockStatus PlainStatus(const Run& run) const;
  Run Lengthen(Run run, std::uint64_t offset, std::uint64_t length);

  Task<Unit> StopCleaning();
  Task<Unit> CleanCaches(Nanoseconds interval);
  std::unique_ptr<ClusterMap> NewMap(std::vector<std::uint64_t> l1) const;
  Task<Result<Unit, Error>> BeginWriting(const std::string& snapshot);
  Task<Result<Unit, Error>> RebuildCaches();

  Image image_;
  std::unique_ptr<ClusterMap> map_;
  Inflater inflater_;
  std::unique_ptr<Writer> writer_;  // null: read only
  CancelToken stop_cleaning_;
  TaskScope cleaning_;
};

}  // namespace fusebay::qcow2
