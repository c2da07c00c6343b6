// null-co: reads zeroes, forgets writes.
#include "block_fixture.h"

namespace fusebay::test {

namespace {

BlockdevOptions Null(const NullOptions& own = {}) {
  BlockdevOptions options;
  options.driver = "null-co";
  options.driver_options = own;
  return options;
}

}  // namespace

TEST(ItIsAGibibyteOfZeroes) {
  Bench bench;
  const BlockRef ref = bench.Use(bench.Open(Null()));
  CHECK_EQ(ref.size(), std::uint64_t{1} << 30);
  CHECK_OK(bench.Write(ref, 5, Data(100, std::byte{1})));
  CHECK(bench.Read(ref, 0, 200).IsAll(std::byte{0}));
}

TEST(ItsStatusSaysZero) {
  Bench bench;
  const BlockRef ref = bench.Use(bench.Open(Null({.size = 1000})));
  const auto status = bench.Run(ref.Status(10, 5000));
  CHECK_OK(status);
  CHECK(status->zero);
  CHECK_EQ(status->length, 990u);
}

TEST(WithoutZeroesMemoryIsLeftAlone) {
  Bench bench;
  const BlockRef ref = bench.Use(bench.Open(Null({.size = 1000, .read_zeroes = false})));
  CHECK(bench.Read(ref, 0, 100).IsAll(std::byte{0xee}));
}

TEST(LatencyDelaysARequest) {
  Bench bench;
  const BlockRef ref = bench.Use(bench.Open(Null({.size = 1000, .latency_ns = 20'000'000})));
  const Clock::time_point begin = Clock::now();
  bench.Read(ref, 0, 100);
  CHECK(Clock::now() - begin >= std::chrono::milliseconds(20));
}

TEST(AnAbsurdSizeIsRefused) {
  Bench bench;
  CHECK_MESSAGE(bench.TryOpen(Null({.size = UINT64_MAX})), "too large");
}

}  // namespace fusebay::test
