// FuseSlot: one FUSE request in progress and the reply to it.
//
// A channel owns a fixed number of slots for as long as it lives and uses each again and again: a
// /dev/fuse buffer, a ring entry, a descriptor chain. Nothing in a request is valid after the next
// Exchange on its slot.
#pragma once
#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/iovec.h"
#include "core/sync.h"

namespace fusebay::fuse {

struct FuseSlot {
  // STATX's reply needs 288 bytes, the largest fixed reply there is.
  static constexpr std::size_t kOutArgsBytes = 320;
  // The head of the longest request (RENAME2 with two names) is below this.
  static constexpr std::size_t kMaxHeadBytes = 8192;

  FuseSlot() = default;
  FuseSlot(const FuseSlot&) = delete;
  FuseSlot& operator=(const FuseSlot&) = delete;
  virtual ~FuseSlot() = default;  // a channel keeps its own things in a derived class

  // The request. The header (fuse_in_header), the fixed arguments and the names, contiguous.
  ByteSpan head;
  // Bulk data of WRITE, SETXATTR, IOCTL and BATCH_FORGET; page-aligned for WRITE.
  IoVec payload_in;
  // Where READ, READDIR and the like put their data; at least max_payload bytes, page-aligned.
  IoVec payload_out;

  // The reply, set by the server. error is 0 or -errno; sizes are bytes of out_args and
  // payload_out.
  bool has_reply = false;
  std::int32_t out_error = 0;
  std::uint32_t out_args_size = 0;
  std::uint32_t out_payload_size = 0;
  alignas(8) std::array<std::byte, kOutArgsBytes> out_args{};

  std::uint64_t unique = 0;  // of the request in progress; 0 when there is none
  CancelToken cancel;        // INTERRUPT, abort and shutdown end a waiting operation through it
};

}  // namespace fusebay::fuse
