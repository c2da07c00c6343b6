// Counts of any size, and sets of clusters.
#include "qcow2/reference_counts.h"

#include "check.h"

namespace fusebay::qcow2 {
namespace {

ReferenceCounts Counts(std::uint64_t clusters) {
  ReferenceCounts counts;
  CHECK_OK(counts.Reset(clusters));
  return counts;
}

TEST(CountsBeginAtZero) {
  const ReferenceCounts counts = Counts(100);
  CHECK_EQ(counts.Get(99), 0u);
  CHECK_EQ(counts.FindUsed(0, 100), 100u);
}

TEST(CountsOfAnySizeAreKept) {
  ReferenceCounts counts = Counts(10);
  for (const std::uint64_t times :
       {std::uint64_t{200}, std::uint64_t{70000}, std::uint64_t{1} << 40}) {
    counts.Add(3, times);
    counts.Add(4, 1);
  }
  CHECK_EQ(counts.Get(3), 70200 + (std::uint64_t{1} << 40));
  CHECK_EQ(counts.Get(4), 3u);
  CHECK_EQ(counts.width(), 8u);
}

TEST(ACountDoesNotOverflow) {
  ReferenceCounts counts = Counts(1);
  counts.Add(0, UINT64_MAX - 1);
  counts.Add(0, 5);
  CHECK_EQ(counts.Get(0), UINT64_MAX);
}

TEST(RemoveTakesOneBack) {
  ReferenceCounts counts = Counts(2);
  counts.Add(1, 300);
  counts.Remove(1);
  CHECK_EQ(counts.Get(1), 299u);
}

TEST(FindUsedSeesEveryWidth) {
  for (const std::uint64_t times : {1u, 300u, 70000u}) {
    ReferenceCounts counts = Counts(1000);
    counts.Add(777, times);
    CHECK_EQ(counts.FindUsed(0, 1000), 777u);
    CHECK_EQ(counts.FindUsed(778, 1000), 1000u);
    CHECK_EQ(counts.FindUsed(3, 777), 777u);
  }
}

TEST(TooManyClustersAreRefused) {
  ReferenceCounts counts;
  CHECK_ERRNO(counts.Reset(kMaxCheckedClusters + 1), EFBIG);
}

TEST(WhatNeedsTooMuchMemoryIsExhausted) {
  ReferenceCounts counts = Counts(kMaxCheckedClusters);
  counts.Add(0, 70000);
  CHECK(counts.exhausted());
}

TEST(ASetContainsWhatWasInserted) {
  ClusterSet set;
  CHECK_OK(set.Reset(130));
  set.Insert(129);
  CHECK(set.Contains(129));
  CHECK(!set.Contains(128));
  CHECK(!set.Contains(100000));
}

}  // namespace
}  // namespace fusebay::qcow2
