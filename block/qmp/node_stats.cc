// Puts statistics of nodes into the schema's types.
#include <algorithm>

#include "node_info.h"

namespace fusebay {

namespace {

std::int64_t Signed(std::uint64_t value) { return static_cast<std::int64_t>(value); }

// Up to the last bin in use: the bins behind it are empty. Nothing: there was no request.
std::optional<qapi::BlockLatencyHistogramInfo> ToHistogram(const IoStats::Kind& kind) {
  std::size_t bins = LatencyBuckets::kCount;
  while (bins > 0 && kind.latency[bins - 1] == 0) {
    --bins;
  }
  if (bins == 0) {
    return std::nullopt;
  }
  bins = std::min(bins + 1, LatencyBuckets::kCount);
  qapi::BlockLatencyHistogramInfo out;
  for (std::size_t i = 0; i < bins; ++i) {
    out.bins.push_back(kind.latency[i]);
    if (i + 1 < bins) {
      out.boundaries.push_back(LatencyBuckets::Boundary(i));
    }
  }
  return out;
}

qapi::BlockDeviceStats ToQapi(const IoStats& stats) {
  const IoStats::Kind& read = stats.of(IoKind::kRead);
  const IoStats::Kind& write = stats.of(IoKind::kWrite);
  const IoStats::Kind& flush = stats.of(IoKind::kFlush);
  const IoStats::Kind& unmap = stats.of(IoKind::kUnmap);
  qapi::BlockDeviceStats out;
  out.rd_bytes = Signed(read.bytes);
  out.wr_bytes = Signed(write.bytes);
  out.unmap_bytes = Signed(unmap.bytes);
  out.rd_operations = Signed(read.operations);
  out.wr_operations = Signed(write.operations);
  out.flush_operations = Signed(flush.operations);
  out.unmap_operations = Signed(unmap.operations);
  out.rd_total_time_ns = Signed(read.total_ns);
  out.wr_total_time_ns = Signed(write.total_ns);
  out.flush_total_time_ns = Signed(flush.total_ns);
  out.unmap_total_time_ns = Signed(unmap.total_ns);
  out.wr_highest_offset = Signed(stats.write_highest_offset);
  const std::optional<Nanoseconds> idle = stats.IdleTime(Clock::now());
  if (idle.has_value()) {
    out.idle_time_ns = idle->count();
  }
  out.failed_rd_operations = Signed(read.failed);
  out.failed_wr_operations = Signed(write.failed);
  out.failed_flush_operations = Signed(flush.failed);
  out.failed_unmap_operations = Signed(unmap.failed);
  out.invalid_rd_operations = Signed(read.invalid);
  out.invalid_wr_operations = Signed(write.invalid);
  out.invalid_flush_operations = Signed(flush.invalid);
  out.invalid_unmap_operations = Signed(unmap.invalid);
  out.rd_latency_histogram = ToHistogram(read);
  out.wr_latency_histogram = ToHistogram(write);
  out.flush_latency_histogram = ToHistogram(flush);
  return out;
}

// Null: the node has no such child.
const NodeStats* ChildOf(const NodeStats& node, ChildRole role, const StatsByName& all) {
  const auto child =
      std::find_if(node.children.begin(), node.children.end(),
                   [role](const NodeChild& candidate) { return candidate.role == role; });
  return child == node.children.end() ? nullptr : all.at(child->node_name);
}

}  // namespace

qapi::BlockStats ToQapi(const NodeStats& node, const StatsByName& all) {
  qapi::BlockStats out;
  out.node_name = node.node_name;
  out.stats = ToQapi(node.stats);
  const NodeStats* below = ChildOf(node, ChildRole::kDataFile, all);
  below = below == nullptr ? ChildOf(node, ChildRole::kFile, all) : below;
  if (below != nullptr) {
    out.parent = qapi::Box<qapi::BlockStats>(ToQapi(*below, all));
  }
  return out;
}

}  // namespace fusebay
