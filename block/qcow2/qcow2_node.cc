// Reads, status and information of a qcow2 node.
#include "qcow2/qcow2_node.h"

#include <algorithm>

#include "base/align.h"
#include "qcow2/qcow2_io.h"

namespace fusebay::qcow2 {

namespace {

constexpr std::uint32_t kMinPreferred = 4096;
constexpr std::uint32_t kMaxPreferred = 1 << 20;

// A backing file that ends within a sector has zeroes in the rest of it, as QEMU sees it.
constexpr std::uint64_t kSector = 512;

}  // namespace

Qcow2Node::Qcow2Node(std::string node_name, bool read_only, Image image)
    : BlockNode(std::move(node_name), "qcow2", read_only),
      image_(std::move(image)),
      map_(image_.file, image_.header,
           {std::move(image_.l1), image_.caches.l2_bytes, image_.caches.l2_slice_bytes,
            image_.filename}),
      inflater_(image_.file, image_.header, image_.filename) {
  set_size(image_.virtual_size);
  limits_.cluster_size = image_.header.cluster_size();
  limits_.preferred_size = std::clamp(image_.header.cluster_size(), kMinPreferred, kMaxPreferred);
  can_compress_ = !read_only && !image_.data_file;
  locked_ = image_.file.node().locked() && image_.data().node().locked();
}

Task<Result<Unit, Error>> Qcow2Node::PrepareToWrite() {
  CO_ASSIGN(writer_, co_await Writer::Create(image_, map_, *this));
  co_return Unit{};
}

void Qcow2Node::StartCleaning() {
  if (image_.caches.clean_interval_seconds != 0) {
    cleaning_.Spawn(CleanCaches(std::chrono::seconds(image_.caches.clean_interval_seconds)));
  }
}

Task<Unit> Qcow2Node::CleanCaches(Nanoseconds interval) {
  while (true) {
    co_await AioContext::Current().SleepFor(interval, &closing_);
    if (closing_.cancelled()) {
      break;
    }
    map_.ReleaseUnused();
    if (writer_ != nullptr) {
      writer_->ReleaseUnused();
    }
  }
  co_return Unit{};
}

// The common read, one run in cached tables, is the child's read: no frame of ours.
Task<Result<>> Qcow2Node::DoRead(std::uint64_t offset, IoVec dst) {
  if (writer_ != nullptr) {
    return ReadGuest(offset, dst);
  }
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
    case Run::Kind::kShared:
      return ReadOrZero(image_.data(), run.host_offset, dst);
    case Run::Kind::kCompressed:
      break;
  }
  return inflater_.Read(run, dst);
}

Qcow2Node::Pass Qcow2Node::EnterGrace() {
  return writer_ != nullptr ? Pass(writer_->EnterGrace()) : std::nullopt;
}

// What a look-up has found must not be given to somebody else before it has been read.
Task<Result<>> Qcow2Node::ReadGuest(std::uint64_t offset, IoVec dst) {
  {
    const Pass pass = EnterGrace();
    const ClusterMap::Found found = map_.TryFind(offset, dst.size);
    if (found.state == ClusterMap::Found::State::kRun && found.run.length == dst.size) {
      const Result<> read = co_await ReadRun(found.run, offset, dst);
      co_return read;
    }
  }
  const Result<> read = co_await ReadRuns(offset, dst);
  co_return read;
}

Task<Result<>> Qcow2Node::ReadRuns(std::uint64_t offset, IoVec dst) {
  TaskScope pieces;
  Result<> result = Ok();
  std::size_t done = 0;
  while (done < dst.size && result.ok()) {
    Pass pass = EnterGrace();
    const ClusterMap::Found found = map_.TryFind(offset + done, dst.size - done);
    if (found.state != ClusterMap::Found::State::kRun) {
      pass.reset();
      result = co_await map_.Resolve(offset + done, found);
      continue;
    }
    const Run& run = found.run;
    const IoVec piece = dst.Slice(done, run.length);
    if (run.length == dst.size) {
      const Result<> read = co_await ReadRun(run, offset, piece);
      co_return read;
    }
    if (pieces.running() == kMaxParallelRuns) {
      co_await pieces.Join();
    }
    pieces.Spawn(ReadPiece(run, offset + done, piece, result, std::move(pass)));
    done += run.length;
  }
  co_await pieces.Join();
  co_return result;
}

Task<Unit> Qcow2Node::ReadPiece(Run run, std::uint64_t offset, IoVec dst, Result<>& result,
                                Pass /*held until the end*/) {
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

// The status that the tables alone tell.
BlockStatus Qcow2Node::PlainStatus(const Run& run) const {
  const bool data = run.kind == Run::Kind::kData || run.kind == Run::Kind::kCompressed;
  BlockStatus status{run.length, data, !data, run.kind != Run::Kind::kUnallocated};
  if (run.has_host) {
    status.file = &image_.data().node();
    status.file_offset = run.host_offset;
  }
  return status;
}

// `run`, which begins at `offset`, with what goes on with the same, as far as cached tables tell.
Run Qcow2Node::Lengthen(Run run, std::uint64_t offset, std::uint64_t length) {
  for (unsigned runs = 1; run.length < length && runs < kMaxStatusRuns; ++runs) {
    const ClusterMap::Found next = map_.TryFind(offset + run.length, length - run.length);
    if (next.state != ClusterMap::Found::State::kRun || !run.IsContinuedBy(next.run)) {
      break;
    }
    run.length += next.run.length;
  }
  return run;
}

Task<Result<BlockStatus>> Qcow2Node::DoStatus(std::uint64_t offset, std::uint64_t length) {
  length = std::min(length, size() - offset);
  const ClusterMap::Found found = map_.TryFind(offset, length);
  if (found.state == ClusterMap::Found::State::kRun && IsPlain(found.run)) {
    return Result<BlockStatus>{PlainStatus(Lengthen(found.run, offset, length))};
  }
  return StatusOfRun(offset, length);
}

Task<Result<BlockStatus>> Qcow2Node::StatusOfRun(std::uint64_t offset, std::uint64_t length) {
  const Result<Run> run = co_await map_.Find(offset, length);
  if (!run.ok()) {
    co_return run.error();
  }
  if (IsPlain(*run)) {
    co_return PlainStatus(Lengthen(*run, offset, length));
  }
  Task<Result<BlockStatus>> looking =
      run->kind == Run::Kind::kData ? StatusInFile(*run) : StatusOfBacking(*run, offset);
  Result<BlockStatus> status = co_await std::move(looking);
  co_return status;
}

// Of data that may be a hole in the file.
Task<Result<BlockStatus>> Qcow2Node::StatusInFile(Run run) {
  BlockStatus status = PlainStatus(run);
  const BlockRef& file = image_.data();
  if (run.host_offset >= file.size()) {
    status.zero = true;
    co_return status;
  }
  const Result<BlockStatus> below = co_await file.Status(run.host_offset, run.length);
  CO_TRY(below);
  status.length = below->length;
  status.zero = below->zero;
  co_return status;
}

// Of what is not allocated here.
Task<Result<BlockStatus>> Qcow2Node::StatusOfBacking(Run run, std::uint64_t offset) {
  const std::uint64_t end = image_.backing.size();
  const std::uint64_t padded_end = AlignUp(end, kSector);
  if (offset >= padded_end) {
    co_return PlainStatus(run);
  }
  const std::uint64_t at = std::min(offset, end - 1);
  Result<BlockStatus> status = co_await image_.backing.Status(at, run.length);
  CO_TRY(status);
  ++status->depth;
  if (offset >= end) {
    status->length = std::min(run.length, padded_end - offset);
    status->data = false;
    status->zero = true;
    status->file_offset += offset - at;
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

Task<Result<>> Qcow2Node::DoWrite(std::uint64_t offset, IoVec src, WriteFlags flags) {
  if (flags.compressed) [[unlikely]] {
    return writer_->WriteCompressed(offset, src, flags, size());
  }
  return writer_->Write(offset, src, flags);
}

Task<Result<>> Qcow2Node::DoWriteZeroes(std::uint64_t offset, std::uint64_t length,
                                        ZeroFlags flags) {
  return writer_->WriteZeroes(offset, length, flags, size());
}

Task<Result<>> Qcow2Node::DoSpace(std::uint64_t offset, std::uint64_t length, bool allocate) {
  return allocate ? writer_->Allocate(offset, length) : writer_->Discard(offset, length, size());
}

Task<Result<>> Qcow2Node::DoFlush(FlushMode mode) {
  return writer_ != nullptr ? writer_->Flush(mode) : Task<Result<>>(Ok());
}

Task<Result<>> Qcow2Node::DoTruncate(std::uint64_t new_size, Prealloc prealloc) {
  const Result<> resized = co_await writer_->Resize(size(), new_size, prealloc);
  CO_TRY(resized);
  set_size(new_size);
  co_return Ok();
}

Task<Result<>> Qcow2Node::DoClose() {
  closing_.Cancel();
  co_await cleaning_.Join();
  Result<> closed = Ok();
  if (writer_ != nullptr) {
    closed = co_await writer_->Close();
    writer_ = nullptr;
  }
  image_.backing = BlockRef();
  image_.data_file = BlockRef();
  image_.file = BlockRef();
  co_return closed;
}

}  // namespace fusebay::qcow2
