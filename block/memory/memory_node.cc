// The driver `memory`: a disk in this process's memory, for tests and benchmarks.
#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>

#include "base/align.h"
#include "block/live_node.h"
#include "memory_driver.h"

namespace fusebay {

namespace {

// Memory is taken in chunks, when they are first written.
constexpr std::uint64_t kChunkBytes = 64 << 10;
using Chunk = std::array<std::byte, kChunkBytes>;

MemoryOptions OwnOf(const BlockdevOptions& options) {
  const auto* const own = std::get_if<MemoryOptions>(&options.driver_options);
  return own == nullptr ? MemoryOptions{} : *own;
}

class MemoryNode final : public BlockNode, public LiveNode {
 public:
  MemoryNode(std::string node_name, bool read_only, const MemoryOptions& options)
      : BlockNode(std::move(node_name), "memory", read_only) {
    live_ = this;
    set_size(options.size);
    limits_.preferred_size = kChunkBytes;
  }

  BlockRef* child(ChildRole) override { return nullptr; }
  std::string_view FixedOption(const BlockdevOptions& now,
                               const BlockdevOptions& wanted) const override {
    const MemoryOptions old_own = OwnOf(now);
    const MemoryOptions own = OwnOf(wanted);
    if (own.size != old_own.size) {
      return "size";
    }
    return "";
  }
  Task<Result<Unit, Error>> Reopen(const BlockdevOptions&, const BlockdevOptions& wanted) override {
    set_read_only(wanted.read_only);
    return Result<Unit, Error>{Unit{}};
  }

 private:
  Task<Result<>> DoRead(std::uint64_t offset, IoVec dst) override;
  Task<Result<>> DoWrite(std::uint64_t offset, IoVec src, WriteFlags flags) override;
  Task<Result<>> DoWriteZeroes(std::uint64_t offset, std::uint64_t length,
                               ZeroFlags flags) override;
  Task<Result<>> DoSpace(std::uint64_t offset, std::uint64_t length, bool allocate) override;
  Task<Result<BlockStatus>> DoStatus(std::uint64_t offset, std::uint64_t length) override;
  Task<Result<>> DoTruncate(std::uint64_t size, Prealloc prealloc) override;
  Task<Result<std::uint64_t>> DoAllocatedSize() override;

  // Both REQUIRE: mutex_ is held.
  Chunk& Make(std::uint64_t index);
  void Zero(std::uint64_t offset, std::uint64_t end);

  std::mutex mutex_;  // never held across a suspend: nothing here suspends
  std::map<std::uint64_t, std::unique_ptr<Chunk>> chunks_;
};

// Calls fn(chunk index, offset in the chunk, bytes) for each chunk that the range touches.
template <class F>
void ForEachChunk(std::uint64_t offset, std::uint64_t end, F fn) {
  while (offset < end) {
    const std::uint64_t inside = offset % kChunkBytes;
    const std::uint64_t n = std::min(kChunkBytes - inside, end - offset);
    fn(offset / kChunkBytes, inside, n);
    offset += n;
  }
}

Chunk& MemoryNode::Make(std::uint64_t index) {
  std::unique_ptr<Chunk>& chunk = chunks_[index];
  if (chunk == nullptr) {
    chunk = std::make_unique<Chunk>();
  }
  return *chunk;
}

void MemoryNode::Zero(std::uint64_t offset, std::uint64_t end) {
  auto it = chunks_.lower_bound(offset / kChunkBytes);
  while (it != chunks_.end() && it->first * kChunkBytes < end) {
    const std::uint64_t chunk_begin = it->first * kChunkBytes;
    const std::uint64_t from = std::max(offset, chunk_begin) - chunk_begin;
    const std::uint64_t to = std::min(end - chunk_begin, kChunkBytes);
    if (from == 0 && to == kChunkBytes) {
      it = chunks_.erase(it);
      continue;
    }
    std::memset(it->second->data() + from, 0, to - from);
    ++it;
  }
}

Task<Result<>> MemoryNode::DoRead(std::uint64_t offset, IoVec dst) {
  const std::lock_guard guard(mutex_);
  std::uint64_t done = 0;
  ForEachChunk(offset, offset + dst.size,
               [this, &done, &dst](std::uint64_t index, std::uint64_t inside, std::uint64_t n) {
                 const auto it = chunks_.find(index);
                 const IoVec part = dst.Slice(done, n);
                 if (it == chunks_.end()) {
                   part.Fill(std::byte{0});
                 } else {
                   part.CopyFrom(it->second->data() + inside);
                 }
                 done += n;
               });
  return Ok();
}

Task<Result<>> MemoryNode::DoWrite(std::uint64_t offset, IoVec src, WriteFlags) {
  const std::lock_guard guard(mutex_);
  std::uint64_t done = 0;
  ForEachChunk(offset, offset + src.size,
               [this, &done, &src](std::uint64_t index, std::uint64_t inside, std::uint64_t n) {
                 src.Slice(done, n).CopyTo(Make(index).data() + inside);
                 done += n;
               });
  return Ok();
}

Task<Result<>> MemoryNode::DoWriteZeroes(std::uint64_t offset, std::uint64_t length, ZeroFlags) {
  const std::lock_guard guard(mutex_);
  Zero(offset, offset + length);
  return Ok();
}

Task<Result<>> MemoryNode::DoSpace(std::uint64_t offset, std::uint64_t length, bool allocate) {
  const std::lock_guard guard(mutex_);
  if (!allocate) {
    Zero(offset, offset + length);
  }
  return Ok();
}

Task<Result<BlockStatus>> MemoryNode::DoStatus(std::uint64_t offset, std::uint64_t length) {
  const std::lock_guard guard(mutex_);
  std::uint64_t index = offset / kChunkBytes;
  auto it = chunks_.lower_bound(index);
  const bool data = it != chunks_.end() && it->first == index;
  const std::uint64_t end = offset + length;
  std::uint64_t run_end = end;
  if (!data) {
    run_end = it == chunks_.end() ? end : std::min(end, it->first * kChunkBytes);
  } else {
    for (; it != chunks_.end() && it->first == index && index * kChunkBytes < end; ++it) {
      ++index;
    }
    run_end = std::min(end, index * kChunkBytes);
  }
  return Result<BlockStatus>{BlockStatus{run_end - offset, data, !data, true}};
}

Task<Result<>> MemoryNode::DoTruncate(std::uint64_t size, Prealloc prealloc) {
  if (prealloc != Prealloc::kOff) {
    return Result<>{Errno{ENOTSUP}};
  }
  const std::lock_guard guard(mutex_);
  if (size < this->size()) {
    Zero(size, AlignUp(this->size(), kChunkBytes));
  }
  set_size(size);
  return Ok();
}

Task<Result<std::uint64_t>> MemoryNode::DoAllocatedSize() {
  const std::lock_guard guard(mutex_);
  return Result<std::uint64_t>{chunks_.size() * kChunkBytes};
}

Task<NodeResult> OpenMemory(const BlockdevOptions& options, OpenContext& context) {
  const auto* const given = std::get_if<MemoryOptions>(&options.driver_options);
  const MemoryOptions own = given == nullptr ? MemoryOptions{} : *given;
  if (own.size > BlockNode::kMaxSize) {
    return NodeResult{Error{Errno{EFBIG}, "The size of a memory node is too large"}};
  }
  return NodeResult{std::make_unique<MemoryNode>(context.node_name, options.read_only, own)};
}

}  // namespace

const BlockDriver kMemoryDriver{.name = "memory", .probe = nullptr, .open = &OpenMemory};

}  // namespace fusebay
