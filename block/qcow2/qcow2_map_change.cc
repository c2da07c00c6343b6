// ClusterMap: changes of L1 and L2 in memory, and what a WriteBack collects of them.
#include <algorithm>

#include "base/align.h"
#include "qcow2/qcow2_map.h"

namespace fusebay::qcow2 {

namespace {

constexpr std::size_t kEntriesPerPiece = ClusterMap::kL1PieceBytes / sizeof(std::uint64_t);

}  // namespace

std::size_t ClusterMap::l1_entries() {
  const std::lock_guard lock(mutex_);
  return l1_.size();
}

std::uint64_t ClusterMap::L1Entry(std::uint64_t index) {
  const std::lock_guard lock(mutex_);
  return index < l1_.size() ? l1_[index] : 0;
}

std::vector<std::uint64_t> ClusterMap::CopyL1() {
  const std::lock_guard lock(mutex_);
  return l1_;
}

void ClusterMap::SetL1Entry(std::uint64_t index, std::uint64_t entry) {
  const std::lock_guard lock(mutex_);
  FB_ASSERT(index < l1_.size());
  const std::uint64_t old = l1_[index] & kOffsetMask;
  if (old != 0) {
    dropped_.push_back({old, 1});
  }
  l1_[index] = entry;
  l1_changed_[index / kEntriesPerPiece] = true;
}

void ClusterMap::ReplaceL1(std::vector<std::uint64_t> l1) {
  const std::lock_guard lock(mutex_);
  l1_ = std::move(l1);
  l1_changed_.assign((l1_.size() + kEntriesPerPiece - 1) / kEntriesPerPiece, false);
}

void ClusterMap::ForgetTable(std::uint64_t table_offset) {
  const bool gone = cache_.Forget(table_offset, table_offset + layout_.cluster_size());
  FB_ASSERT(gone);
}

std::uint64_t ClusterMap::SliceKey(std::uint64_t table, std::uint64_t offset) const {
  const std::uint64_t slice = offset >> slice_bits_ << slice_bits_;
  const std::uint64_t clusters_before = (slice & (table_span() - 1)) >> layout_.cluster_bits;
  return table + clusters_before * layout_.entry_bytes();
}

Task<Result<TableCache::Pin>> ClusterMap::PinSlice(std::uint64_t offset) {
  while (true) {
    const std::uint64_t table = L1Entry(offset >> table_bits_) & kOffsetMask;
    FB_ASSERT(table != 0);
    Result<TableCache::Pin> pin = co_await cache_.Get(SliceKey(table, offset));
    if (pin.ok() || pin.error() != Errno{ENOBUFS}) {
      co_return pin;
    }
    const Result<> room = co_await room_maker_->MakeRoom();
    CO_TRY(room);
  }
}

std::byte* ClusterMap::RawEntry(const TableCache::Pin& slice, std::uint64_t offset) const {
  const std::uint64_t index = (offset & (slice_span() - 1)) >> layout_.cluster_bits;
  return slice.mutable_data() + index * layout_.entry_bytes();
}

Result<L2Entry, Fault> ClusterMap::Entry(const TableCache::Pin& slice, std::uint64_t offset) {
  const std::lock_guard lock(mutex_);
  return DecodeL2(layout_, RawEntry(slice, offset), AlignDown(offset, layout_.cluster_size()));
}

void ClusterMap::SetEntry(const TableCache::Pin& slice, std::uint64_t offset,
                          const L2Entry& entry) {
  const std::lock_guard lock(mutex_);
  std::byte* const raw = RawEntry(slice, offset);
  const Result<L2Entry, Fault> old =
      DecodeL2(layout_, raw, AlignDown(offset, layout_.cluster_size()));
  FB_ASSERT(old.ok());
  Drop(*old, entry);
  StoreL2(layout_, raw, EncodeL2(layout_, entry));
  cache_.MarkDirty(slice);
}

// An external data file has no refcounts.
void ClusterMap::Drop(const L2Entry& old, const L2Entry& now) {
  if (layout_.data_file) {
    return;
  }
  if (old.compressed) {
    const CompressedPlace place = PlaceOf(layout_.cluster_bits, old.descriptor);
    const std::uint64_t begin = AlignDown(place.offset, layout_.cluster_size());
    const std::uint64_t end = AlignUp(place.offset + place.length, layout_.cluster_size());
    dropped_.push_back({begin, (end - begin) >> layout_.cluster_bits});
  } else if (old.has_host && !(now.has_host && now.host_offset == old.host_offset)) {
    dropped_.push_back({old.host_offset, 1});
  }
}

bool ClusterMap::has_changes() {
  const std::lock_guard lock(mutex_);
  return collected_ || cache_.dirty_blocks() != 0 || !dropped_.empty() ||
         std::find(l1_changed_.begin(), l1_changed_.end(), true) != l1_changed_.end();
}

ClusterMap::Changes ClusterMap::Collect() {
  Changes changes;
  const std::lock_guard lock(mutex_);
  changes.slices = cache_.CollectDirty();
  for (std::size_t piece = 0; piece < l1_changed_.size(); ++piece) {
    if (!l1_changed_[piece]) {
      continue;
    }
    l1_changed_[piece] = false;
    const std::size_t first = piece * kEntriesPerPiece;
    const std::size_t count = std::min(kEntriesPerPiece, l1_.size() - first);
    Changes::L1Piece copy{piece, std::vector<std::byte>(count * sizeof(std::uint64_t))};
    for (std::size_t i = 0; i < count; ++i) {
      StoreBe(copy.bytes.data() + i * sizeof(std::uint64_t), l1_[first + i]);
    }
    changes.l1.push_back(std::move(copy));
  }
  changes.dropped = std::exchange(dropped_, {});
  collected_ = true;
  return changes;
}

void ClusterMap::Settle(const Changes& changes, bool written) {
  const std::lock_guard lock(mutex_);
  cache_.Settle(written);
  collected_ = false;
  if (written) {
    return;
  }
  for (const Changes::L1Piece& piece : changes.l1) {
    l1_changed_[piece.index] = true;
  }
  dropped_.insert(dropped_.end(), changes.dropped.begin(), changes.dropped.end());
}

}  // namespace fusebay::qcow2
