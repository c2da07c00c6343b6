// Counting requests.
#include "block/io_stats.h"

#include "block_fixture.h"

namespace fusebay::test {

namespace {

using std::chrono::microseconds;

IoStats SumOf(const IoCounters& counters) {
  IoStats sum;
  counters.AddTo(sum);
  return sum;
}

}  // namespace

TEST(ALatencyHasItsBucket) {
  CHECK_EQ(LatencyBuckets::Of(0), 0u);
  CHECK_EQ(LatencyBuckets::Of(1023), 0u);
  CHECK_EQ(LatencyBuckets::Of(1024), 1u);
  CHECK_EQ(LatencyBuckets::Boundary(0), 1024u);
  CHECK_EQ(LatencyBuckets::Of(LatencyBuckets::Boundary(5)), 6u);
  CHECK_EQ(LatencyBuckets::Of(LatencyBuckets::Boundary(5) - 1), 5u);
  CHECK_EQ(LatencyBuckets::Of(UINT64_MAX), LatencyBuckets::kCount - 1);
}

TEST(AnOperationIsCountedWithItsTime) {
  IoCounters counters;
  const Clock::time_point begin = Clock::now();
  counters.Succeeded(IoKind::kWrite, 4096, 8192, begin, begin + microseconds(3));
  counters.Succeeded(IoKind::kWrite, 512, 512, begin, begin + microseconds(2));
  const IoStats sum = SumOf(counters);
  CHECK_EQ(sum.of(IoKind::kWrite).operations, 2u);
  CHECK_EQ(sum.of(IoKind::kWrite).bytes, 4608u);
  CHECK_EQ(sum.of(IoKind::kWrite).total_ns, 5000u);
  CHECK_EQ(sum.of(IoKind::kWrite).latency[2], 1u);
  CHECK_EQ(sum.of(IoKind::kWrite).latency[1], 1u);
  CHECK_EQ(sum.write_highest_offset, 8192u);
  CHECK_EQ(sum.of(IoKind::kRead).operations, 0u);
  CHECK(sum.IdleTime(begin + microseconds(10)) == Nanoseconds(8000));
}

TEST(NobodyHasAskedYet) {
  const IoCounters counters;
  CHECK(!SumOf(counters).IdleTime(Clock::now()).has_value());
}

TEST(WhatIsNotTakenBackIsAFailure) {
  Bench bench;
  IoCounters counters;
  struct Work {
    static Task<Unit> Do(IoCounters& all) {
      const IoTimer failed(all, IoKind::kRead);
      IoTimer refused(all, IoKind::kRead);
      refused.Invalid();
      IoTimer good(all, IoKind::kRead);
      good.Succeeded(1);
      co_return Unit{};
    }
  };
  bench.Run(Work::Do(counters));
  const IoStats sum = SumOf(counters);
  CHECK_EQ(sum.of(IoKind::kRead).failed, 1u);
  CHECK_EQ(sum.of(IoKind::kRead).invalid, 1u);
  CHECK_EQ(sum.of(IoKind::kRead).operations, 1u);
}

TEST(SumsAddUp) {
  IoStats a;
  a.kinds[0].bytes = 5;
  a.write_highest_offset = 7;
  IoStats b;
  b.kinds[0].bytes = 6;
  b.last_access = Clock::now();
  a.Add(b);
  CHECK_EQ(a.of(IoKind::kRead).bytes, 11u);
  CHECK_EQ(a.write_highest_offset, 7u);
  CHECK(a.last_access == b.last_access);
}

}  // namespace fusebay::test
