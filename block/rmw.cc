// Bounce buffers: what is not aligned in the image or in memory is read, modified and written in
// whole blocks.
#include <algorithm>

#include "base/align.h"
#include "graph_internal.h"

namespace fusebay {

namespace {

// The whole blocks that one bounce covers.
struct Blocks {
  std::uint64_t begin;
  std::uint64_t end;
  std::uint64_t bytes;  // of the request that lie in them
};

Blocks BlocksOf(const BlockLimits& limits, std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t alignment = limits.request_alignment;
  const std::uint64_t most = std::max(
      alignment, AlignDown(std::min<std::uint64_t>(limits.max_transfer, kMaxBounce), alignment));
  const std::uint64_t begin = AlignDown(offset, alignment);
  const std::uint64_t end = std::min(AlignUp(offset + length, alignment), begin + most);
  return {begin, end, std::min(length, end - offset)};
}

}  // namespace

Task<Result<std::uint64_t>> BlockRef::Impl::ReadBounced(std::uint64_t offset, IoVec dst) const {
  const Blocks blocks = BlocksOf(node->limits(), offset, dst.size);
  const Buffer bounce = AioContext::Current().buffers().Get(blocks.end - blocks.begin);
  const IoVec whole = bounce.vec().First(blocks.end - blocks.begin);
  const Result<> r = co_await node->Read(blocks.begin, whole);
  CO_TRY(r);
  dst.First(blocks.bytes).CopyFrom(bounce.data() + (offset - blocks.begin));
  co_return blocks.bytes;
}

// The first and the last block keep what the request does not cover. A block that lies partly past
// the end of the node reads as zeroes there, and is written so.
Task<Result<std::uint64_t>> BlockRef::Impl::WriteBounced(std::uint64_t offset, IoVec src,
                                                         WriteFlags flags) const {
  const std::uint64_t alignment = node->limits().request_alignment;
  const Blocks blocks = BlocksOf(node->limits(), offset, src.size);
  const Buffer bounce = AioContext::Current().buffers().Get(blocks.end - blocks.begin);
  const IoVec whole = bounce.vec().First(blocks.end - blocks.begin);
  const bool partial_head = offset != blocks.begin;
  const bool partial_tail = offset + blocks.bytes != blocks.end;
  const std::uint64_t last = blocks.end - alignment;
  if (partial_head || (partial_tail && last == blocks.begin)) {
    const Result<> r = co_await node->Read(blocks.begin, whole.First(alignment));
    CO_TRY(r);
  }
  if (partial_tail && last != blocks.begin) {
    const Result<> r = co_await node->Read(last, whole.From(last - blocks.begin));
    CO_TRY(r);
  }
  src.First(blocks.bytes).CopyTo(bounce.data() + (offset - blocks.begin));
  const Result<> r = co_await node->Write(blocks.begin, whole, flags);
  CO_TRY(r);
  co_return blocks.bytes;
}

}  // namespace fusebay
