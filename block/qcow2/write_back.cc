// Writes collected changes: refcounts, a flush, tables, a flush.
#include "qcow2/write_back.h"

#include <algorithm>

#include "qcow2/qcow2_io.h"

namespace fusebay::qcow2 {

WriteBack::WriteBack(const BlockRef& file, const BlockRef& data_file, const Header& header,
                     ClusterMap& map, Allocator& allocator, Grace& grace)
    : file_(file),
      data_file_(data_file),
      header_(header),
      map_(map),
      allocator_(allocator),
      grace_(grace) {}

namespace {

// Neighbours together, for a host gives back whole blocks only.
std::vector<Dropped> Joined(std::vector<Dropped> dropped, std::uint32_t cluster_bits) {
  std::sort(dropped.begin(), dropped.end(),
            [](const Dropped& a, const Dropped& b) { return a.offset < b.offset; });
  std::vector<Dropped> joined;
  for (const Dropped& next : dropped) {
    if (!joined.empty() &&
        next.offset == joined.back().offset + (joined.back().clusters << cluster_bits)) {
      joined.back().clusters += next.clusters;
    } else {
      joined.push_back(next);
    }
  }
  return joined;
}

}  // namespace

Task<Result<>> WriteBack::Commit(FlushMode mode) {
  ClusterMap::Changes changes;
  {
    const CoMutex::Guard guard = co_await mutex_.Lock();
    changes = map_.Collect();
    const Result<> written = co_await Write(changes, mode);
    map_.Settle(changes, written.ok());
    CO_TRY(written);
  }
  if (changes.dropped.empty()) {
    co_return Ok();
  }
  co_await grace_.Wait();
  for (const Dropped& dropped : Joined(std::move(changes.dropped), header_.cluster_bits)) {
    const Result<> released = co_await allocator_.Release(dropped.offset, dropped.clusters);
    static_cast<void>(released);  // leaked at worst; a corruption is the allocator's to tell
  }
  co_return Ok();
}

Task<Result<>> WriteBack::Write(const ClusterMap::Changes& changes, FlushMode mode) {
  const Result<> counted = co_await allocator_.WriteBack();
  CO_TRY(counted);
  if (!changes.empty()) {
    const Result<> flushed = co_await Flush();
    CO_TRY(flushed);
    unflushed_.store(true);
    const Result<> written = co_await WriteTables(changes);
    CO_TRY(written);
  }
  if (mode == FlushMode::kDisk || !changes.dropped.empty()) {
    const Result<> flushed = co_await Flush();
    CO_TRY(flushed);
    unflushed_.store(false);
  }
  co_return Ok();
}

Task<Result<>> WriteBack::Flush() {
  if (data_file_) {
    const Result<> data = co_await data_file_.Flush(FlushMode::kDisk);
    CO_TRY(data);
  }
  const Result<> flushed = co_await file_.Flush(FlushMode::kDisk);
  co_return flushed;
}

Task<Result<>> WriteBack::WriteTables(const ClusterMap::Changes& changes) {
  const Result<> slices = co_await WriteSlices(file_, changes.slices);
  CO_TRY(slices);
  for (const ClusterMap::Changes::L1Piece& piece : changes.l1) {
    const iovec iov{const_cast<std::byte*>(piece.bytes.data()), piece.bytes.size()};
    const std::uint64_t at = header_.l1_offset + piece.index * ClusterMap::kL1PieceBytes;
    const Result<> written = co_await file_.Write(at, IoVec::Of(iov), {});
    CO_TRY(written);
  }
  co_return Ok();
}

}  // namespace fusebay::qcow2
