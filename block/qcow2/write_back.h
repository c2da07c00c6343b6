// WriteBack: puts the changes of an image's tables on the disk, in an order that a power cut at any
// point cannot hurt (docs/formats/qcow2.md, "Writing"):
//
//   1. the refcounts of all that the changed tables refer to, and the data, which is written
//   already;
//   2. a flush;
//   3. the changed parts of L2 and L1;
//   4. a flush, if durable, or if something may be given back;
//   5. what nothing on the disk refers to any more is given back, when no request uses it any more.
#pragma once
#include <atomic>

#include "block/block_ref.h"
#include "qcow2/allocator.h"
#include "qcow2/grace.h"
#include "qcow2/qcow2_map.h"

namespace fusebay::qcow2 {

class WriteBack final : public ClusterMap::RoomMaker {
 public:
  // `data_file` may be nothing. All outlive this.
  WriteBack(const BlockRef& file, const BlockRef& data_file, const Header& header, ClusterMap& map,
            Allocator& allocator, Grace& grace);

  // Any loop, several at once. The caller holds no Pass of the grace. kWriteOut: as far as step 3.
  Task<Result<>> Commit(FlushMode mode);
  Task<Result<>> MakeRoom() override { return Commit(FlushMode::kWriteOut); }
  // Whether every change that was made before is on the disk.
  bool IsDurable() { return !map_.has_changes() && !unflushed_.load(); }
  // While this is held, nothing is collected or written.
  CoMutex& mutex() { return mutex_; }

 private:
  Task<Result<>> Write(const ClusterMap::Changes& changes, FlushMode mode);
  Task<Result<>> WriteTables(const ClusterMap::Changes& changes);
  Task<Result<>> Flush();

  const BlockRef& file_;
  const BlockRef& data_file_;
  const Header& header_;
  ClusterMap& map_;
  Allocator& allocator_;
  Grace& grace_;
  std::atomic<bool> unflushed_{false};  // tables have been written since the last flush
  CoMutex mutex_;
};

}  // namespace fusebay::qcow2
