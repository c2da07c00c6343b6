// Counts requests and adds up what several loops have counted.
#include "block/io_stats.h"

#include <algorithm>

namespace fusebay {

namespace {

std::uint64_t ToNs(Clock::duration time) {
  const auto ns = std::chrono::duration_cast<Nanoseconds>(time).count();
  return ns < 0 ? 0 : static_cast<std::uint64_t>(ns);
}

}  // namespace

void IoCounters::Touch(Clock::time_point now) {
  last_access_ns_.store(std::chrono::duration_cast<Nanoseconds>(now.time_since_epoch()).count(),
                        std::memory_order_relaxed);
}

void IoCounters::Succeeded(IoKind kind, std::uint64_t bytes, std::uint64_t end_offset,
                           Clock::time_point begin, Clock::time_point end) {
  const std::uint64_t ns = ToNs(end - begin);
  Kind& counts = kinds_[static_cast<std::size_t>(kind)];
  counts.operations.Add(1);
  counts.bytes.Add(bytes);
  counts.total_ns.Add(ns);
  counts.latency[LatencyBuckets::Of(ns)].Add(1);
  if (end_offset > write_highest_offset_.load(std::memory_order_relaxed)) {
    write_highest_offset_.store(end_offset, std::memory_order_relaxed);
  }
  Touch(end);
}

void IoCounters::Failed(IoKind kind, Clock::time_point end) {
  kinds_[static_cast<std::size_t>(kind)].failed.Add(1);
  Touch(end);
}

void IoCounters::Invalid(IoKind kind, Clock::time_point end) {
  kinds_[static_cast<std::size_t>(kind)].invalid.Add(1);
  Touch(end);
}

void IoCounters::AddTo(IoStats& sum) const {
  for (std::size_t i = 0; i < kIoKinds; ++i) {
    IoStats::Kind& to = sum.kinds[i];
    const Kind& from = kinds_[i];
    to.operations += from.operations.Get();
    to.bytes += from.bytes.Get();
    to.total_ns += from.total_ns.Get();
    to.failed += from.failed.Get();
    to.invalid += from.invalid.Get();
    for (std::size_t bucket = 0; bucket < LatencyBuckets::kCount; ++bucket) {
      to.latency[bucket] += from.latency[bucket].Get();
    }
  }
  sum.write_highest_offset =
      std::max(sum.write_highest_offset, write_highest_offset_.load(std::memory_order_relaxed));
  const std::int64_t last = last_access_ns_.load(std::memory_order_relaxed);
  if (last != 0) {
    const Clock::time_point at{Nanoseconds(last)};
    sum.last_access = std::max(sum.last_access.value_or(at), at);
  }
}

void IoStats::Add(const IoStats& other) {
  for (std::size_t i = 0; i < kIoKinds; ++i) {
    kinds[i].operations += other.kinds[i].operations;
    kinds[i].bytes += other.kinds[i].bytes;
    kinds[i].total_ns += other.kinds[i].total_ns;
    kinds[i].failed += other.kinds[i].failed;
    kinds[i].invalid += other.kinds[i].invalid;
    for (std::size_t bucket = 0; bucket < LatencyBuckets::kCount; ++bucket) {
      kinds[i].latency[bucket] += other.kinds[i].latency[bucket];
    }
  }
  write_highest_offset = std::max(write_highest_offset, other.write_highest_offset);
  if (other.last_access.has_value()) {
    last_access = std::max(last_access.value_or(*other.last_access), *other.last_access);
  }
}

std::optional<Nanoseconds> IoStats::IdleTime(Clock::time_point now) const {
  if (!last_access.has_value()) {
    return std::nullopt;
  }
  return std::max(Nanoseconds(0), std::chrono::duration_cast<Nanoseconds>(now - *last_access));
}

}  // namespace fusebay
