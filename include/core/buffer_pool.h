// BufferPool: page-aligned bounce buffers of one loop, reused; bounded in what it keeps.
//
// A Buffer goes back to the pool it came from when it dies; both belong to one loop.
#pragma once
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

#include "base/iovec.h"

namespace fusebay {

class BufferPool;

class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)),
        size_class_(other.size_class_),
        iov_(std::exchange(other.iov_, iovec{})) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(size_class_, other.size_class_);
    std::swap(iov_, other.iov_);
    return *this;
  }
  ~Buffer();

  std::byte* data() const { return static_cast<std::byte*>(iov_.iov_base); }
  std::size_t size() const { return iov_.iov_len; }
  // Borrows this Buffer: it must neither move nor die while the IoVec is in use.
  IoVec vec() const { return IoVec::Of(iov_); }

 private:
  friend class BufferPool;
  Buffer(BufferPool& pool, std::size_t size_class, iovec iov)
      : pool_(&pool), size_class_(size_class), iov_(iov) {}
  BufferPool* pool_ = nullptr;
  std::size_t size_class_ = 0;
  iovec iov_{};
};

class BufferPool {
 public:
  static constexpr std::size_t kAlignment = 4096;
  static constexpr std::size_t kMaxKeptBytes = 8 << 20;

  BufferPool() = default;
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool();  // REQUIRES: every Buffer is back.

  // At least one byte; the contents are undefined. Never fails: memory that is not to be had ends
  // the process, so callers bound what they ask for.
  Buffer Get(std::size_t size);
  std::size_t outstanding() const { return outstanding_; }

 private:
  friend class Buffer;
  static constexpr std::size_t kClasses = 52;  // powers of two from 4 KiB
  void Put(std::size_t size_class, std::byte* data);
  std::array<std::vector<std::byte*>, kClasses> free_;
  std::size_t kept_bytes_ = 0;
  std::size_t outstanding_ = 0;
};

}  // namespace fusebay
