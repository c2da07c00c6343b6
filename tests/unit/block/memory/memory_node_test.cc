// memory: what is written is read, and what is not written takes no memory.
#include "block_fixture.h"

namespace fusebay::test {

namespace {

constexpr std::uint64_t kChunk = 64 << 10;

struct Scene {
  explicit Scene(std::uint64_t size = 16 * kChunk) {
    BlockdevOptions options;
    options.driver = "memory";
    options.driver_options = MemoryOptions{.size = size};
    ref = bench.Use(bench.Open(options));
  }
  BlockStatus Status(std::uint64_t offset, std::uint64_t length) {
    const auto status = bench.Run(ref.Status(offset, length));
    CHECK_OK(status);
    return *status;
  }
  std::uint64_t Allocated() {
    const auto bytes = bench.Run(ref.node().AllocatedSize());
    CHECK_OK(bytes);
    return *bytes;
  }
  Bench bench;
  BlockRef ref;
};

}  // namespace

TEST(WhatIsWrittenIsReadAcrossChunks) {
  Scene s;
  const Data data = Data::Pattern(3 * kChunk);
  CHECK_OK(s.bench.Write(s.ref, kChunk - 100, data));
  CHECK(s.bench.Read(s.ref, kChunk - 100, 3 * kChunk) == data);
  CHECK(s.bench.Read(s.ref, 0, kChunk - 100).IsAll(std::byte{0}));
}

TEST(OnlyWrittenChunksTakeMemory) {
  Scene s(std::uint64_t{1} << 50);
  CHECK_OK(s.bench.Write(s.ref, std::uint64_t{1} << 49, Data(1)));
  CHECK_EQ(s.Allocated(), kChunk);
}

TEST(ZeroesGiveWholeChunksBack) {
  Scene s;
  CHECK_OK(s.bench.Write(s.ref, 0, Data(3 * kChunk, std::byte{1})));
  CHECK_OK(s.bench.Run(s.ref.WriteZeroes(kChunk / 2, 2 * kChunk, {})));
  CHECK_EQ(s.Allocated(), 2 * kChunk);
  CHECK(s.bench.Read(s.ref, 0, kChunk / 2).IsAll(std::byte{1}));
  CHECK(s.bench.Read(s.ref, kChunk / 2, 2 * kChunk).IsAll(std::byte{0}));
  CHECK(s.bench.Read(s.ref, 5 * kChunk / 2, kChunk / 2).IsAll(std::byte{1}));
}

TEST(StatusShowsRunsOfChunks) {
  Scene s;
  CHECK_OK(s.bench.Write(s.ref, 2 * kChunk, Data(2 * kChunk, std::byte{1})));
  CHECK_EQ(s.Status(100, 16 * kChunk).length, 2 * kChunk - 100);
  CHECK(s.Status(100, 16 * kChunk).zero);
  CHECK_EQ(s.Status(2 * kChunk, 16 * kChunk).length, 2 * kChunk);
  CHECK(s.Status(2 * kChunk, 16 * kChunk).data);
  CHECK_EQ(s.Status(2 * kChunk, 5).length, 5u);
  CHECK_EQ(s.Status(4 * kChunk, 16 * kChunk).length, 12 * kChunk);
}

TEST(WhatWasCutOffReadsAsZeroesWhenItComesBack) {
  Scene s(1000);
  CHECK_OK(s.bench.Write(s.ref, 0, Data(1000, std::byte{1})));
  CHECK_OK(s.bench.Run(s.ref.Truncate(10, Prealloc::kOff)));
  CHECK_OK(s.bench.Run(s.ref.Truncate(1000, Prealloc::kOff)));
  CHECK(s.bench.Read(s.ref, 0, 10).IsAll(std::byte{1}));
  CHECK(s.bench.Read(s.ref, 10, 990).IsAll(std::byte{0}));
}

}  // namespace fusebay::test
