// Tests of what is told of statistics.
#include "check.h"
#include "node_info.h"

namespace fusebay::test {
namespace {

qapi::BlockDeviceStats Told(const IoStats& stats) {
  const NodeStats node{.node_name = "n", .stats = stats};
  return ToQapi(node, {{"n", &node}}).stats;
}

IoStats::Kind& Of(IoStats& stats, IoKind kind) {
  return stats.kinds[static_cast<std::size_t>(kind)];
}

TEST(WithoutRequestsThereIsNoTimeAndNoHistogram) {
  const qapi::BlockDeviceStats told = Told({});
  CHECK(!told.idle_time_ns.has_value());
  CHECK(!told.rd_latency_histogram.has_value());
  CHECK_EQ(told.rd_operations, 0);
}

TEST(EveryKindHasItsNumbers) {
  IoStats stats;
  Of(stats, IoKind::kRead) = {
      .operations = 1, .bytes = 2, .total_ns = 3, .failed = 4, .invalid = 5};
  Of(stats, IoKind::kUnmap) = {.operations = 6, .bytes = 7, .total_ns = 8, .failed = 9};
  Of(stats, IoKind::kFlush) = {.operations = 10, .total_ns = 11, .failed = 12, .invalid = 13};
  const qapi::BlockDeviceStats told = Told(stats);
  CHECK_EQ(told.rd_operations * 10000 + told.rd_bytes * 1000 + told.rd_total_time_ns * 100 +
               told.failed_rd_operations * 10 + told.invalid_rd_operations,
           12345);
  CHECK_EQ(told.unmap_operations + told.unmap_bytes + told.unmap_total_time_ns, 21);
  CHECK_EQ(told.failed_unmap_operations, 9);
  CHECK_EQ(told.flush_operations + told.flush_total_time_ns, 21);
  CHECK_EQ(told.failed_flush_operations + told.invalid_flush_operations, 25);
}

TEST(AHistogramHasOneBoundaryLessThanBins) {
  IoStats stats;
  Of(stats, IoKind::kFlush).latency[0] = 3;
  const auto low = Told(stats).flush_latency_histogram;
  CHECK_EQ(low->bins.size(), 2u);
  CHECK_EQ(low->boundaries.size(), 1u);
  CHECK_EQ(low->boundaries[0], 1024u);
  Of(stats, IoKind::kFlush).latency[LatencyBuckets::kCount - 1] = 1;
  const auto all = Told(stats).flush_latency_histogram;
  CHECK_EQ(all->bins.size(), LatencyBuckets::kCount);
  CHECK_EQ(all->boundaries.size(), LatencyBuckets::kCount - 1);
}

TEST(TheDataFileIsWhatIsBelow) {
  const NodeStats file{.node_name = "f"};
  const NodeStats data{.node_name = "d"};
  const NodeStats node{.node_name = "n",
                       .children = {{ChildRole::kFile, "f"}, {ChildRole::kDataFile, "d"}}};
  const qapi::BlockStats told = ToQapi(node, {{"n", &node}, {"f", &file}, {"d", &data}});
  CHECK_EQ(*(*told.parent)->node_name, std::string("d"));
}

}  // namespace
}  // namespace fusebay::test
