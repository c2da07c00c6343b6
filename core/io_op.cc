// How an IoOp takes its data.
#include <climits>

#include "core/io_engine.h"

namespace fusebay {

namespace {

// No system call moves more at once.
constexpr std::size_t kMaxTransfer = 0x7ffff000;

bool FitsExactly(const IoVec& range) {
  if (range.skip != 0 || range.base.size() > IOV_MAX || range.size > kMaxTransfer) {
    return false;
  }
  std::size_t total = 0;
  for (const iovec& piece : range.base) {
    total += piece.iov_len;
  }
  return total == range.size;
}

}  // namespace

void IoOp::SetData(const IoVec& range) {
  if (FitsExactly(range)) {
    iov = range.base;
    return;
  }
  std::size_t count = 0;
  std::size_t before = range.skip;
  std::size_t left = std::min(range.size, kMaxTransfer);
  for (const iovec& piece : range.base) {
    if (left == 0 || count == kMaxInlinePieces) {
      break;
    }
    if (before >= piece.iov_len) {
      before -= piece.iov_len;
      continue;
    }
    const std::size_t size = std::min(piece.iov_len - before, left);
    inline_iov[count++] = iovec{static_cast<std::byte*>(piece.iov_base) + before, size};
    before = 0;
    left -= size;
  }
  iov = std::span<const iovec>(inline_iov).first(count);
}

}  // namespace fusebay
