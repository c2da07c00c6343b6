// Writes refcount blocks: single ones in place, or a whole new structure.
#include "qcow2/refcount_repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/aio_context.h"
#include "qcow2/header_update.h"
#include "qcow2/qcow2_io.h"
#include "qcow2/qcow2_refcount_bits.h"

namespace fusebay::qcow2 {

namespace {

Error CannotWrite(CheckTarget target, Errno cause) {
  return Error{cause, fmt::format("{}: cannot write refcounts: {}", target.filename,
                                  std::strerror(cause.value()))};
}

// References to clusters behind the end of the file that a new structure can go around.
constexpr std::uint64_t kRoomForDangling = 1024;

// Where the new structure goes.
struct Plan {
  std::vector<std::uint64_t> table;  // a cluster for each block; 0: no block
  std::uint64_t table_cluster = 0;
  std::uint64_t table_clusters = 0;
  std::uint64_t end = 0;  // cluster behind the last one that it uses
};

class Planner {
 public:
  // Only clusters in [first, end) are used.
  Planner(const Header& header, const ReferenceCounts& occupied, ReferenceCounts& counts,
          std::uint64_t first, std::uint64_t end)
      : header_(header), occupied_(occupied), counts_(counts), next_(first), end_(end) {}

  // Makes the plan and counts what it uses. ENOSPC: no room; EFBIG: the table would be too large.
  Result<Plan> Run() {
    Result<bool> changed = true;
    while (changed.ok() && *changed) {
      const Result<bool> blocks = PlaceBlocks();
      FB_TRY(blocks);
      changed = PlaceTable();
      if (changed.ok()) {
        *changed = *changed || *blocks;
      }
    }
    FB_TRY(changed);
    return plan_;
  }
  // Takes back what a plan that failed has counted.
  void Undo() {
    for (const std::uint64_t cluster : added_) {
      counts_.Remove(cluster);
    }
    added_.clear();
  }

 private:
  // A block for every part of the file that has references and none yet, which may be where the
  // blocks themselves are.
  Result<bool> PlaceBlocks() {
    const std::uint32_t bits = RefcountBlockBits(header_);
    bool placed = false;
    for (std::uint64_t first = 0; first < counts_.clusters();
         first = ((first >> bits) + 1) << bits) {
      first = counts_.FindUsed(first, counts_.clusters());
      if (first == counts_.clusters()) {
        break;
      }
      const std::uint64_t index = first >> bits;
      plan_.table.resize(std::max<std::size_t>(plan_.table.size(), index + 1));
      if (plan_.table[index] == 0) {
        FB_ASSIGN(plan_.table[index], Place(1));
        placed = true;
      }
    }
    return placed;
  }

  Result<bool> PlaceTable() {
    const std::uint64_t needed =
        (plan_.table.size() * 8 + header_.cluster_size() - 1) >> header_.cluster_bits;
    if (needed <= plan_.table_clusters) {
      return false;
    }
    if (needed << header_.cluster_bits > kMaxRefcountTableBytes) {
      return Errno{EFBIG};
    }
    for (std::uint64_t i = 0; i < plan_.table_clusters; ++i) {
      counts_.Remove(plan_.table_cluster + i);
      std::erase(added_, plan_.table_cluster + i);
    }
    FB_ASSIGN(plan_.table_cluster, Place(needed));
    plan_.table_clusters = needed;
    return true;
  }

  bool IsFree(std::uint64_t cluster) const {
    return counts_.Get(cluster) == 0 &&
           (cluster >= occupied_.clusters() || occupied_.Get(cluster) == 0);
  }

  Result<std::uint64_t> Place(std::uint64_t clusters) {
    std::uint64_t free = 0;
    for (std::uint64_t at = next_; at < end_; ++at) {
      free = IsFree(at) ? free + 1 : 0;
      if (free < clusters) {
        continue;
      }
      const std::uint64_t first = at + 1 - clusters;
      for (std::uint64_t c = first; c <= at; ++c) {
        counts_.Add(c, 1);
        added_.push_back(c);
      }
      plan_.end = std::max(plan_.end, at + 1);
      next_ = clusters == 1 ? at + 1 : next_;
      return first;
    }
    return Errno{ENOSPC};
  }

  const Header& header_;
  const ReferenceCounts& occupied_;
  ReferenceCounts& counts_;
  std::uint64_t next_;
  const std::uint64_t end_;
  Plan plan_;
  std::vector<std::uint64_t> added_;
};

// Behind the end of the file, so that nothing there now is touched; of a device, which cannot grow,
// where nothing is in use.
Task<Result<Plan>> MakeRoom(CheckTarget target, const ReferenceCounts& occupied,
                            ReferenceCounts& counts) {
  const std::uint32_t bits = target.header.cluster_bits;
  const std::uint64_t size = target.file.size();
  const std::uint64_t whole = size >> bits;
  const std::uint64_t behind = whole + (whole << bits == size ? 0 : 1);
  Planner behind_file(target.header, occupied, counts, behind, counts.clusters());
  const Result<Plan> grown = behind_file.Run();
  if (grown.ok()) {
    const Result<> truncated = co_await target.file.Truncate(grown->end << bits, Prealloc::kOff);
    if (truncated.ok()) {
      co_return grown;
    }
  }
  behind_file.Undo();
  Planner inside(target.header, occupied, counts, 1, whole);
  co_return inside.Run();
}

Task<Result<>> WriteBlock(CheckTarget target, const ReferenceCounts& counts, std::uint64_t index,
                          std::uint64_t cluster) {
  const Header& header = target.header;
  const Buffer block = AioContext::Current().buffers().Get(header.cluster_size());
  const IoVec bytes = block.vec().First(header.cluster_size());
  bytes.Fill(std::byte{0});
  const std::uint32_t bits = RefcountBlockBits(header);
  const std::uint64_t first = index << bits;
  const std::uint64_t end = std::min(counts.clusters(), (index + 1) << bits);
  const std::uint64_t max = MaxRefcount(header.refcount_order);
  for (std::uint64_t c = counts.FindUsed(first, end); c < end; c = counts.FindUsed(c + 1, end)) {
    StoreRefcount(block.data(), c - first, header.refcount_order, std::min(counts.Get(c), max));
  }
  const Result<> written =
      co_await target.file.Write(cluster << header.cluster_bits, bytes, WriteFlags{});
  co_return written;
}

Task<Result<>> WritePlan(CheckTarget target, const ReferenceCounts& counts, const Plan& plan) {
  const std::uint32_t bits = target.header.cluster_bits;
  std::vector<std::uint64_t> table((plan.table_clusters << bits) / 8);
  for (std::size_t i = 0; i < plan.table.size(); ++i) {
    if (plan.table[i] != 0) {
      StoreBe(&table[i], plan.table[i] << bits);
      const Result<> written = co_await WriteBlock(target, counts, i, plan.table[i]);
      CO_TRY(written);
    }
  }
  const iovec iov{table.data(), table.size() * 8};
  const Result<> written =
      co_await target.file.Write(plan.table_cluster << bits, IoVec::Of(iov), WriteFlags{});
  CO_TRY(written);
  const Result<> flushed = co_await target.file.Flush(FlushMode::kDisk);
  CO_TRY(flushed);
  const Result<> in_use =
      co_await WriteRefcountTablePlace(target.file, target.header, plan.table_cluster << bits,
                                       static_cast<std::uint32_t>(plan.table_clusters));
  co_return in_use;
}

// Changes the refcounts of one block, which is in memory.
void Correct(const Header& header, const ReferenceCounts& counts, std::uint64_t index, CheckFix fix,
             std::byte* block) {
  const std::uint32_t bits = RefcountBlockBits(header);
  const std::uint64_t first = index << bits;
  const std::uint64_t end = std::min(counts.clusters(), (index + 1) << bits);
  const std::uint64_t max = MaxRefcount(header.refcount_order);
  for (std::uint64_t c = first; c < end; ++c) {
    const std::uint64_t refcount = LoadRefcount(block, c - first, header.refcount_order);
    const std::uint64_t references = std::min(counts.Get(c), max);
    if (refcount > references || (refcount < references && fix == CheckFix::kAll)) {
      StoreRefcount(block, c - first, header.refcount_order, references);
    }
  }
}

Task<Result<>> CorrectBlock(CheckTarget target, const ReferenceCounts& counts, std::uint64_t offset,
                            std::uint64_t index, CheckFix fix) {
  const std::uint64_t end = offset + target.header.cluster_size();
  if (end > target.file.size()) {
    const Result<> grown = co_await target.file.Truncate(end, Prealloc::kOff);
    CO_TRY(grown);
  }
  const Buffer block = AioContext::Current().buffers().Get(target.header.cluster_size());
  const IoVec bytes = block.vec().First(target.header.cluster_size());
  const Result<> read = co_await target.file.Read(offset, bytes);
  CO_TRY(read);
  Correct(target.header, counts, index, fix, block.data());
  const Result<> written = co_await target.file.Write(offset, bytes, WriteFlags{});
  co_return written;
}

}  // namespace

std::uint64_t RoomForRebuild(const Header& header, std::uint64_t file_size) {
  const std::uint64_t clusters = (file_size >> header.cluster_bits) + 2;
  const std::uint32_t bits = RefcountBlockBits(header);
  std::uint64_t room = 0;
  std::uint64_t needed = 1;
  while (room < needed) {
    room = needed;
    const std::uint64_t blocks = ((clusters + room) >> bits) + 2;
    // Twice the table: a larger one is made before the smaller one is given up.
    needed = blocks + 2 * ((blocks * 8 >> header.cluster_bits) + 2);
  }
  return 2 * room + kRoomForDangling;
}

Task<Result<Unit, Error>> WriteRefcounts(CheckTarget target, const StoredRefcounts& stored,
                                         const ReferenceCounts& counts, const Comparison& wrong,
                                         CheckFix fix) {
  for (const std::uint32_t index : wrong.wrong_blocks) {
    const std::uint64_t offset =
        index < stored.table().size() ? RefcountBlockAt(stored.table()[index]) : 0;
    if (offset == 0) {
      continue;
    }
    const Result<> corrected = co_await CorrectBlock(target, counts, offset, index, fix);
    if (!corrected.ok()) {
      co_return CannotWrite(target, corrected.error());
    }
  }
  co_return Unit{};
}

Task<Result<Unit, Error>> RebuildRefcounts(CheckTarget target, const ReferenceCounts& occupied,
                                           ReferenceCounts& counts) {
  const Result<Plan> plan = co_await MakeRoom(target, occupied, counts);
  if (!plan.ok()) {
    co_return CannotWrite(target, plan.error());
  }
  const Result<> written = co_await WritePlan(target, counts, *plan);
  if (!written.ok()) {
    co_return CannotWrite(target, written.error());
  }
  co_return Unit{};
}

}  // namespace fusebay::qcow2
