// Size classes of page-aligned memory.
#include "core/buffer_pool.h"

#include <bit>
#include <cstdlib>

#include "base/assert.h"

namespace fusebay {

namespace {

std::size_t ClassBytes(std::size_t size_class) { return BufferPool::kAlignment << size_class; }

std::size_t ClassOf(std::size_t size) {
  const std::size_t pages = (size - 1) / BufferPool::kAlignment + 1;
  return static_cast<std::size_t>(std::bit_width(pages - 1));
}

}  // namespace

Buffer::~Buffer() {
  if (pool_ != nullptr) {
    pool_->Put(size_class_, data());
  }
}

BufferPool::~BufferPool() {
  FB_ASSERT(outstanding_ == 0);
  for (const std::vector<std::byte*>& list : free_) {
    for (std::byte* const data : list) {
      std::free(data);
    }
  }
}

Buffer BufferPool::Get(std::size_t size) {
  FB_ASSERT(size > 0);
  const std::size_t size_class = ClassOf(size);
  FB_ASSERT(size_class < kClasses);
  ++outstanding_;
  std::vector<std::byte*>& list = free_[size_class];
  void* data = nullptr;
  if (list.empty()) {
    data = std::aligned_alloc(kAlignment, ClassBytes(size_class));
    FB_ASSERT(data != nullptr);
  } else {
    data = list.back();
    list.pop_back();
    kept_bytes_ -= ClassBytes(size_class);
  }
  return Buffer(*this, size_class, iovec{data, size});
}

void BufferPool::Put(std::size_t size_class, std::byte* data) {
  FB_ASSERT(outstanding_ > 0);
  --outstanding_;
  if (kept_bytes_ + ClassBytes(size_class) > kMaxKeptBytes) {
    std::free(data);
    return;
  }
  kept_bytes_ += ClassBytes(size_class);
  free_[size_class].push_back(data);
}

}  // namespace fusebay
