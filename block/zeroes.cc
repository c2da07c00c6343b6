// Writing zeroes and discarding: whole blocks by the node's own means, the rest by writing.
#include <algorithm>

#include "base/align.h"
#include "graph_internal.h"

namespace fusebay {

namespace {

bool IsNotSupported(const Result<>& r) { return !r.ok() && r.error() == Errno{ENOTSUP}; }

// The part of [offset, end) that consists of whole blocks. The last block of the node counts as
// whole when the range reaches the end of the node.
struct WholeBlocks {
  WholeBlocks(const BlockNode& node, std::uint64_t offset, std::uint64_t range_end) {
    const std::uint64_t alignment = node.limits().request_alignment;
    begin = AlignUp(offset, alignment);
    end =
        range_end == node.size() ? AlignUp(range_end, alignment) : AlignDown(range_end, alignment);
  }
  bool empty() const { return begin >= end; }
  std::uint64_t begin;
  std::uint64_t end;
};

}  // namespace

Task<Result<>> BlockRef::Impl::ZeroSlow(std::uint64_t offset, std::uint64_t length,
                                        ZeroFlags flags) const {
  const std::uint64_t alignment = node->limits().request_alignment;
  const std::uint64_t end = offset + length;
  RangeLock::Hold hold(entry->ranges, AlignDown(offset, alignment), AlignUp(end, alignment),
                       IsAligned(offset | length, alignment) ? RangeLock::Mode::kShared
                                                             : RangeLock::Mode::kExclusive);
  if (alignment > 1) {
    co_await hold.Acquire();
  }
  const WholeBlocks whole(*node, offset, end);
  if (whole.empty()) {
    const Result<> r = co_await ZeroByWriting(offset, length, flags.fua);
    co_return r;
  }
  const Result<> middle = co_await ZeroWholeBlocks(whole.begin, whole.end - whole.begin, flags);
  CO_TRY(middle);
  if (offset < whole.begin) {
    const Result<> head = co_await ZeroByWriting(offset, whole.begin - offset, flags.fua);
    CO_TRY(head);
  }
  if (whole.end < end) {
    const Result<> tail = co_await ZeroByWriting(whole.end, end - whole.end, flags.fua);
    CO_TRY(tail);
  }
  co_return Ok();
}

Task<Result<>> BlockRef::Impl::ZeroWholeBlocks(std::uint64_t offset, std::uint64_t length,
                                               ZeroFlags flags) const {
  const Result<> r = co_await node->WriteZeroes(offset, length, flags);
  if (!IsNotSupported(r) || flags.no_fallback) {
    co_return r;
  }
  const Result<> written = co_await ZeroByWriting(offset, length, flags.fua);
  co_return written;
}

Task<Result<>> BlockRef::Impl::ZeroByWriting(std::uint64_t offset, std::uint64_t length,
                                             bool fua) const {
  const std::uint64_t most = std::min(length, kMaxBounce);
  const Buffer zeroes = AioContext::Current().buffers().Get(most);
  zeroes.vec().First(most).Fill(std::byte{0});
  while (length > 0) {
    const std::uint64_t n = std::min(length, most);
    const Result<> r = co_await WriteLocked(offset, zeroes.vec().First(n), WriteFlags{.fua = fua});
    CO_TRY(r);
    offset += n;
    length -= n;
  }
  co_return Ok();
}

// Needs no lock: what a discard leaves is zeroes or the old data, whatever runs beside it.
Task<Result<>> BlockRef::Impl::DiscardWholeBlocks(std::uint64_t offset,
                                                  std::uint64_t length) const {
  const WholeBlocks whole(*node, offset, offset + length);
  if (whole.empty()) {
    co_return Ok();
  }
  const Result<> r = co_await node->Discard(whole.begin, whole.end - whole.begin);
  if (IsNotSupported(r)) {
    co_return Ok();
  }
  co_return r;
}

}  // namespace fusebay
