// BufferPool: alignment, reuse and its bound.
#include "core/buffer_pool.h"

#include <vector>

#include "base/units.h"
#include "check.h"

namespace fusebay::test {

TEST(BuffersArePageAlignedAndOfTheSizeAskedFor) {
  BufferPool pool;
  for (const std::size_t size : {1U, 4096U, 4097U, 1U << 20}) {
    const Buffer buffer = pool.Get(size);
    CHECK_EQ(buffer.size(), size);
    CHECK_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 4096, 0U);
    buffer.vec().Fill(std::byte{1});
  }
}

TEST(BufferOfTheSameClassIsReused) {
  BufferPool pool;
  std::byte* first = nullptr;
  {
    const Buffer buffer = pool.Get(5000);
    first = buffer.data();
  }
  CHECK(pool.Get(8192).data() == first);
}

TEST(OutstandingBuffersAreCounted) {
  BufferPool pool;
  {
    const Buffer one = pool.Get(1);
    Buffer two = pool.Get(1);
    const Buffer moved = std::move(two);
    CHECK_EQ(pool.outstanding(), 2U);
  }
  CHECK_EQ(pool.outstanding(), 0U);
}

TEST(AssignedBufferBringsTheOldOneBack) {
  BufferPool pool;
  Buffer buffer = pool.Get(1);
  buffer = pool.Get(10000);
  CHECK_EQ(pool.outstanding(), 1U);
  CHECK_EQ(buffer.size(), 10000U);
}

TEST(HugeBuffersComeAndGo) {
  BufferPool pool;
  std::vector<Buffer> buffers;
  for (int i = 0; i < 4; ++i) {
    buffers.push_back(pool.Get(4 * kMiB));
  }
  buffers.clear();
  CHECK_EQ(pool.outstanding(), 0U);
  CHECK_EQ(pool.Get(4 * kMiB).size(), 4 * kMiB);
}

}  // namespace fusebay::test
