// Reads, status and information of a qcow2 node.
#include "qcow2/qcow2_node.h"

#include <algorithm>

#include "qcow2/qcow2_io.h"

namespace fusebay::qcow2 {

namespace {

constexpr std::uint32_t kMinPreferred = 4096;
constexpr std::uint32_t kMaxPreferred = 1 << 20;

BlockStatus PlainStatus(Run::Kind kind, std::uint64_t length) {
  const bool data = kind == Run::Kind::kData || kind == Run::Kind::kCompressed;
  return {length, data, !data, kind != Run::Kind::kUnallocated};
}

}  // namespace

Qcow2Node::Qcow2Node(std::string node_name, Image image)
    : BlockNode(std::move(node_name), "qcow2", true),
      image_(std::move(image)),
      map_(image_.file, image_.header,
           {std::move(image_.l1), image_.virtual_size, image_.l2_cache_bytes, image_.filename}),
      inflater_(image_.file, image_.header, image_.filename) {
  set_size(image_.virtual_size);
  limits_.cluster_size = image_.header.cluster_size();
  limits_.preferred_size = std::clamp(image_.header.cluster_size(), kMinPreferred, kMaxPreferred);
  locked_ = image_.file.node().locked() && image_.data().node().locked();
}

// The common read, one run in cached tables, is the child's read: no frame of ours.
Task<Result<>> Qcow2Node::DoRead(std::uint64_t offset, IoVec dst) {
  const ClusterMap::Found found = map_.TryFind(offset, dst.size);
  if (found.state == ClusterMap::Found::State::kRun && found.run.length == dst.size) {
    return ReadRun(found.run, offset, dst);
  }
  return ReadRuns(offset, dst);
}

Task<Result<>> Qcow2Node::ReadRun(const Run& run, std::uint64_t offset, IoVec dst) {
  switch (run.kind) {
    case Run::Kind::kUnallocated:
      return ReadOrZero(image_.backing, offset, dst);
    case Run::Kind::kZero:
      dst.Fill(std::byte{0});
      return Ok();
    case Run::Kind::kData:
      return ReadOrZero(image_.data(), run.host_offset, dst);
    case Run::Kind::kCompressed:
      break;
  }
  return inflater_.Read(run, dst);
}

Task<Result<>> Qcow2Node::ReadRuns(std::uint64_t offset, IoVec dst) {
  TaskScope pieces;
  Result<> result = Ok();
  std::size_t done = 0;
  while (done < dst.size && result.ok()) {
    const Result<Run> run = co_await map_.Find(offset + done, dst.size - done);
    if (!run.ok()) {
      result = run.error();
      break;
    }
    const IoVec piece = dst.Slice(done, run->length);
    if (run->length == dst.size) {
      const Result<> read = co_await ReadRun(*run, offset, piece);
      co_return read;
    }
    if (pieces.running() == kMaxParallelRuns) {
      co_await pieces.Join();
    }
    pieces.Spawn(ReadPiece(*run, offset + done, piece, result));
    done += run->length;
  }
  co_await pieces.Join();
  co_return result;
}

Task<Unit> Qcow2Node::ReadPiece(Run run, std::uint64_t offset, IoVec dst, Result<>& result) {
  const Result<> read = co_await ReadRun(run, offset, dst);
  if (!read.ok()) {
    result = read;
  }
  co_return Unit{};
}

// Whether the tables alone tell the run's status.
bool Qcow2Node::IsPlain(const Run& run) const {
  return run.kind == Run::Kind::kUnallocated ? !image_.backing
                                             : run.kind != Run::Kind::kData || !image_.is_sparse;
}

// How far what follows `run`, which begins at `offset`, has the same status, as far as cached
// tables tell.
std::uint64_t Qcow2Node::SameState(const Run& run, std::uint64_t offset, std::uint64_t length) {
  const BlockStatus first = PlainStatus(run.kind, 0);
  std::uint64_t same = run.length;
  for (unsigned runs = 1; same < length && runs < kMaxStatusRuns; ++runs) {
    const ClusterMap::Found next = map_.TryFind(offset + same, length - same);
    if (next.state != ClusterMap::Found::State::kRun || !IsPlain(next.run) ||
        PlainStatus(next.run.kind, 0).data != first.data ||
        PlainStatus(next.run.kind, 0).allocated != first.allocated) {
      break;
    }
    same += next.run.length;
  }
  return same;
}

Task<Result<BlockStatus>> Qcow2Node::DoStatus(std::uint64_t offset, std::uint64_t length) {
  length = std::min(length, size() - offset);
  const ClusterMap::Found found = map_.TryFind(offset, length);
  if (found.state == ClusterMap::Found::State::kRun && IsPlain(found.run)) {
    return Result<BlockStatus>{PlainStatus(found.run.kind, SameState(found.run, offset, length))};
  }
  return StatusOfRun(offset, length);
}

Task<Result<BlockStatus>> Qcow2Node::StatusOfRun(std::uint64_t offset, std::uint64_t length) {
  const Result<Run> run = co_await map_.Find(offset, length);
  if (!run.ok()) {
    co_return run.error();
  }
  if (IsPlain(*run)) {
    co_return PlainStatus(run->kind, SameState(*run, offset, length));
  }
  const bool is_data = run->kind == Run::Kind::kData;
  const BlockRef& below = is_data ? image_.data() : image_.backing;
  const std::uint64_t at = is_data ? run->host_offset : offset;
  if (at >= below.size()) {
    co_return BlockStatus{run->length, is_data, true, is_data};
  }
  const std::uint64_t there = std::min(run->length, below.size() - at);
  Result<BlockStatus> status = co_await below.Status(at, there);
  if (status.ok()) {
    status->data |= is_data;
    status->allocated = is_data;
  }
  co_return status;
}

Task<Result<std::uint64_t>> Qcow2Node::DoAllocatedSize() {
  Result<std::uint64_t> total = co_await image_.file.node().AllocatedSize();
  if (!total.ok() || !image_.data_file) {
    co_return total;
  }
  const Result<std::uint64_t> data = co_await image_.data_file.node().AllocatedSize();
  if (!data.ok()) {
    co_return data;
  }
  co_return *total + *data;
}

// Of the image file alone, as in `qemu-img info`.
Task<Result<ImageInfo, Error>> Qcow2Node::DoInfo() {
  ImageInfo info = Describe(image_, map_.found_corruption());
  const Result<std::uint64_t> allocated = co_await image_.file.node().AllocatedSize();
  if (allocated.ok()) {
    info.actual_size = *allocated;
  }
  co_return info;
}

Task<Result<>> Qcow2Node::DoClose() {
  image_.backing = BlockRef();
  image_.data_file = BlockRef();
  image_.file = BlockRef();
  return Ok();
}

}  // namespace fusebay::qcow2
