// Writing zeroes and discarding: by the node's means, and without them.
#include "block_fixture.h"

namespace fusebay::test {

namespace {

struct Scene {
  explicit Scene(std::uint32_t alignment, bool can_zero, std::uint64_t size = 32768)
      : node(bench.AddFake("n", size, alignment)), ref(bench.Use(node)) {
    node.can_zero = can_zero;
    std::fill(node.bytes.begin(), node.bytes.end(), std::byte{7});
  }
  Result<> Zero(std::uint64_t offset, std::uint64_t length, ZeroFlags flags = {}) {
    return bench.Run(ref.WriteZeroes(offset, length, flags));
  }
  // Exactly this range is zero.
  bool IsZeroOnly(std::uint64_t offset, std::uint64_t length) const {
    std::vector<std::byte> expected(node.bytes.size(), std::byte{7});
    std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(offset), length, std::byte{0});
    return node.bytes == expected;
  }
  Bench bench;
  FakeNode& node;
  BlockRef ref;
};

}  // namespace

TEST(TheNodesOwnMeansAreUsed) {
  Scene s(512, true);
  CHECK_OK(s.Zero(512, 1024));
  CHECK_EQ(s.node.log, "z1024 ");
  CHECK(s.IsZeroOnly(512, 1024));
}

TEST(ZeroesAreWrittenWhereTheNodeCannot) {
  Scene s(512, false);
  CHECK_OK(s.Zero(512, 1024));
  CHECK_EQ(s.node.log, "w1024 ");
  CHECK(s.IsZeroOnly(512, 1024));
}

TEST(NoFallbackIsObeyed) {
  Scene s(512, false);
  CHECK_ERRNO(s.Zero(512, 1024, {.no_fallback = true}), ENOTSUP);
  CHECK(s.IsZeroOnly(0, 0));
}

TEST(UnalignedEndsAreWritten) {
  Scene s(4096, true);
  CHECK_OK(s.Zero(4000, 9000));
  CHECK(s.IsZeroOnly(4000, 9000));
  CHECK_EQ(s.node.log, "z8192 r4096 w4096 r4096 w4096 ");
}

TEST(LessThanABlockIsWritten) {
  Scene s(4096, true);
  CHECK_OK(s.Zero(10, 20));
  CHECK(s.IsZeroOnly(10, 20));
}

TEST(ARangeUpToTheEndTakesTheLastBlockWhole) {
  Scene s(4096, true, 10000);
  CHECK_OK(s.Zero(4096, 10000 - 4096));
  CHECK_EQ(s.node.log, "z8192 ");
}

TEST(FuaHoldsForTheFallback) {
  Scene s(1, false);
  CHECK_OK(s.Zero(1, 10, {.fua = true}));
  CHECK_EQ(s.node.log, "W10 ");
}

TEST(MoreThanOneBufferIsWritten) {
  Scene s(1, false, 3 << 20);
  CHECK_OK(s.Zero(5, (2 << 20) + 100));
  CHECK(s.IsZeroOnly(5, (2 << 20) + 100));
  CHECK_EQ(s.node.log, "w1048576 w1048576 w100 ");
}

TEST(ADiscardTakesWholeBlocksOnly) {
  Scene s(4096, true);
  CHECK_OK(s.bench.Run(s.ref.Discard(100, 12000)));
  CHECK_EQ(s.node.log, "d4096 ");
}

TEST(ADiscardThatTheNodeCannotDoIsNoError) {
  Scene s(4096, true);
  CHECK_OK(s.bench.Run(s.ref.Discard(0, 4096)));
  CHECK_OK(s.bench.Run(s.ref.Discard(1, 100)));
}

TEST(AllocationCoversTheBlocksOfItsRange) {
  Scene s(4096, true);
  CHECK_ERRNO(s.bench.Run(s.ref.Allocate(100, 12000)), ENOTSUP);
  CHECK_EQ(s.node.log, "a12288 ");
}

}  // namespace fusebay::test
