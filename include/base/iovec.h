// IoVec: a borrowed byte range of a scatter/gather list.
//
// Slicing copies nothing and allocates nothing; only the last hop (the I/O engine) turns it into a
// plain iovec array. Whoever makes one keeps the array and the memory alive until the I/O is done.
#pragma once
#include <sys/uio.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/assert.h"
#include "base/bytes.h"

namespace fusebay {

struct IoVec {
  std::span<const iovec> base;
  std::size_t skip = 0;  // bytes of base that come before the range
  std::size_t size = 0;  // bytes in the range

  // All of one iovec, which the caller keeps alive.
  static IoVec Of(const iovec& one) { return {{&one, 1}, 0, one.iov_len}; }

  // REQUIRES: [offset, offset + length) lies inside this range.
  IoVec Slice(std::size_t offset, std::size_t length) const {
    FB_ASSERT(offset <= size);
    FB_ASSERT(length <= size - offset);
    return {base, skip + offset, length};
  }
  IoVec First(std::size_t length) const { return Slice(0, length); }
  IoVec From(std::size_t offset) const { return Slice(offset, size - offset); }

  // Calls fn(std::byte*, std::size_t) for each contiguous piece, in order, until one call returns
  // false; returns whether none did.
  template <class F>
  bool All(F fn) const {
    std::size_t before = skip;
    std::size_t left = size;
    for (const iovec& v : base) {
      if (left == 0) {
        break;
      }
      if (before >= v.iov_len) {
        before -= v.iov_len;
        continue;
      }
      const std::size_t n = std::min(v.iov_len - before, left);
      if (!fn(static_cast<std::byte*>(v.iov_base) + before, n)) {
        return false;
      }
      before = 0;
      left -= n;
    }
    FB_ASSERT(left == 0);
    return true;
  }
  template <class F>
  void ForEach(F fn) const {
    All([&fn](std::byte* p, std::size_t n) {
      fn(p, n);
      return true;
    });
  }

  void Fill(std::byte value) const {
    ForEach([value](std::byte* p, std::size_t n) { std::memset(p, static_cast<int>(value), n); });
  }
  // Copies size bytes out of this range to `dst`.
  void CopyTo(std::byte* dst) const {
    ForEach([&dst](const std::byte* p, std::size_t n) {
      std::memcpy(dst, p, n);
      dst += n;
    });
  }
  // Copies size bytes from `src` into this range.
  void CopyFrom(const std::byte* src) const {
    ForEach([&src](std::byte* p, std::size_t n) {
      std::memcpy(p, src, n);
      src += n;
    });
  }
  // Whether every byte is 0; looks no further than to the first piece that has another one.
  bool IsZero() const {
    return All([](const std::byte* p, std::size_t n) { return fusebay::IsZero({p, n}); });
  }
  // Whether every piece starts and ends at a multiple of `alignment` in memory.
  bool IsMemoryAligned(std::size_t alignment) const {
    std::uintptr_t bits = 0;
    ForEach([&bits](const std::byte* p, std::size_t n) {
      bits |= reinterpret_cast<std::uintptr_t>(p) | n;
    });
    return (bits & (alignment - 1)) == 0;
  }
};

}  // namespace fusebay
