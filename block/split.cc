// Requests that are longer than a node takes, or not aligned: cut into pieces that suit it.
#include <algorithm>

#include "base/align.h"
#include "graph_internal.h"

namespace fusebay {

namespace {

// How much of `data`, from its beginning, the node takes as it is; 0: none.
std::uint64_t PlainBytes(const BlockLimits& limits, std::uint64_t offset, const IoVec& data) {
  if (!IsAligned(offset, limits.request_alignment)) {
    return 0;
  }
  const std::uint64_t n =
      AlignDown(std::min<std::uint64_t>(data.size, limits.max_transfer), limits.request_alignment);
  return n > 0 && data.First(n).IsMemoryAligned(limits.memory_alignment) ? n : 0;
}

}  // namespace

Task<Result<>> BlockRef::Impl::ReadSlow(std::uint64_t offset, IoVec dst) const {
  while (dst.size > 0) {
    std::uint64_t n = PlainBytes(node->limits(), offset, dst);
    if (n > 0) {
      const Result<> r = co_await node->Read(offset, dst.First(n));
      CO_TRY(r);
    } else {
      const Result<std::uint64_t> r = co_await ReadBounced(offset, dst);
      CO_TRY(r);
      n = *r;
    }
    offset += n;
    dst = dst.From(n);
  }
  co_return Ok();
}

Task<Result<>> BlockRef::Impl::WriteSlow(std::uint64_t offset, IoVec src, WriteFlags flags) const {
  return node->limits().request_alignment == 1 ? WriteLocked(offset, src, flags)
                                               : WriteHolding(offset, src, flags);
}

Task<Result<>> BlockRef::Impl::WriteHolding(std::uint64_t offset, IoVec src,
                                            WriteFlags flags) const {
  const std::uint32_t alignment = node->limits().request_alignment;
  const bool whole = IsAligned(offset | src.size, alignment);
  RangeLock::Hold hold(entry->ranges, AlignDown(offset, alignment),
                       AlignUp(offset + src.size, alignment),
                       whole ? RangeLock::Mode::kShared : RangeLock::Mode::kExclusive);
  co_await hold.Acquire();
  const bool plain = PlainBytes(node->limits(), offset, src) == src.size;
  const Result<> r =
      co_await (plain ? node->Write(offset, src, flags) : WriteLocked(offset, src, flags));
  co_return r;
}

Task<Result<>> BlockRef::Impl::WriteLocked(std::uint64_t offset, IoVec src,
                                           WriteFlags flags) const {
  while (src.size > 0) {
    std::uint64_t n = PlainBytes(node->limits(), offset, src);
    if (n > 0) {
      const Result<> r = co_await node->Write(offset, src.First(n), flags);
      CO_TRY(r);
    } else {
      const Result<std::uint64_t> r = co_await WriteBounced(offset, src, flags);
      CO_TRY(r);
      n = *r;
    }
    offset += n;
    src = src.From(n);
  }
  co_return Ok();
}

}  // namespace fusebay
