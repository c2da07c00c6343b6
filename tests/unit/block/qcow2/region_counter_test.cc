// Regions of any place and length.
#include "qcow2/region_counter.h"

#include "check.h"

namespace fusebay::qcow2 {
namespace {

constexpr std::uint32_t kBits = 12;
constexpr std::uint64_t kCluster = 1 << kBits;

struct Fixture {
  explicit Fixture(std::uint64_t file_size) : regions(counts, report, kBits, file_size) {
    CHECK_OK(counts.Reset(RegionCounter::ClustersFor(file_size, kBits)));
  }
  ReferenceCounts counts;
  CheckReport report{nullptr};
  RegionCounter regions;
};

TEST(ARegionCountsEveryClusterThatItTouches) {
  Fixture f(8 * kCluster);
  f.regions.Count(kCluster + 100, 2 * kCluster, 3);
  CHECK_EQ(f.counts.Get(0), 0u);
  CHECK_EQ(f.counts.Get(1), 3u);
  CHECK_EQ(f.counts.Get(3), 3u);
  CHECK_EQ(f.counts.Get(4), 0u);
}

TEST(AnEmptyRegionCountsNothing) {
  Fixture f(8 * kCluster);
  f.regions.Count(kCluster, 0);
  CHECK_EQ(f.counts.FindUsed(0, 8), 8u);
}

TEST(LessThanAClusterBeyondTheEndIsAllowed) {
  Fixture f(2 * kCluster + 1);
  f.regions.Count(2 * kCluster, kCluster);
  f.regions.Count(2 * kCluster + 1, kCluster - 1 + 1);
  CHECK_EQ(f.report.result.corruptions, 1u);
  CHECK_EQ(f.counts.Get(2), 1u);
}

TEST(WhatLiesBeyondTheEndIsACorruptionPerUse) {
  Fixture f(2 * kCluster);
  f.regions.Count(2 * kCluster, kCluster, 5);
  f.regions.Count(UINT64_MAX - 10, kCluster);
  CHECK_EQ(f.report.result.corruptions, 6u);
}

}  // namespace
}  // namespace fusebay::qcow2
