// Qcow2Node: an opened qcow2 image as a node of the graph. Glue: the map says where bytes are, the
// children have them.
#pragma once
#include <string>

#include "block/block_node.h"
#include "core/scope.h"
#include "qcow2/qcow2_image.h"
#include "qcow2/qcow2_inflater.h"
#include "qcow2/qcow2_map.h"

namespace fusebay::qcow2 {

class Qcow2Node : public BlockNode {
 public:
  // Of one request, read at the same time.
  static constexpr std::size_t kMaxParallelRuns = 16;
  // Runs that one Status looks at to find how far the same state goes.
  static constexpr unsigned kMaxStatusRuns = 1024;

  Qcow2Node(std::string node_name, Image image);

 private:
  Task<Result<>> DoRead(std::uint64_t offset, IoVec dst) override;
  Task<Result<BlockStatus>> DoStatus(std::uint64_t offset, std::uint64_t length) override;
  Task<Result<std::uint64_t>> DoAllocatedSize() override;
  Task<Result<ImageInfo, Error>> DoInfo() override;
  Task<Result<>> DoClose() override;

  Task<Result<>> ReadRun(const Run& run, std::uint64_t offset, IoVec dst);
  Task<Result<>> ReadRuns(std::uint64_t offset, IoVec dst);
  Task<Unit> ReadPiece(Run run, std::uint64_t offset, IoVec dst, Result<>& result);
  Task<Result<BlockStatus>> StatusOfRun(std::uint64_t offset, std::uint64_t length);
  std::uint64_t SameState(const Run& run, std::uint64_t offset, std::uint64_t length);
  bool IsPlain(const Run& run) const;

  Image image_;
  ClusterMap map_;
  Inflater inflater_;
};

}  // namespace fusebay::qcow2
