// Statistics of requests: what query-blockstats tells.
//
// Each loop counts on its own, in a cache line that no other loop writes; the control loop adds up.
// A request costs two looks at the clock and a few stores.
#pragma once
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <optional>

#include "core/aio_context.h"

namespace fusebay {

enum class IoKind : std::uint8_t { kRead, kWrite, kFlush, kUnmap };
inline constexpr std::size_t kIoKinds = 4;

// Latencies by powers of two: bucket 0 is what takes less than 1024 ns, bucket i what takes less
// than 1024 << i, and the last one everything else.
struct LatencyBuckets {
  static constexpr std::size_t kCount = 28;
  static constexpr unsigned kFirstBits = 10;
  static std::size_t Of(std::uint64_t ns) {
    const auto bits = static_cast<std::size_t>(std::bit_width(ns >> kFirstBits));
    return bits < kCount ? bits : kCount - 1;
  }
  // Between bucket `i` and the next one, ns. REQUIRES: i + 1 < kCount.
  static std::uint64_t Boundary(std::size_t i) { return std::uint64_t{1} << (kFirstBits + i); }
};

// A sum.
struct IoStats {
  struct Kind {
    std::uint64_t operations = 0;  // that have succeeded
    std::uint64_t bytes = 0;
    std::uint64_t total_ns = 0;
    std::uint64_t failed = 0;
    std::uint64_t invalid = 0;  // refused: outside of the disk
    std::array<std::uint64_t, LatencyBuckets::kCount> latency{};
  };
  std::array<Kind, kIoKinds> kinds{};
  std::uint64_t write_highest_offset = 0;  // the end of the write that reached farthest
  std::optional<Clock::time_point> last_access;

  const Kind& of(IoKind kind) const { return kinds[static_cast<std::size_t>(kind)]; }
  void Add(const IoStats& other);
  // How long nobody has asked for anything.
  std::optional<Nanoseconds> IdleTime(Clock::time_point now) const;
};

// What one loop counts for one user of a node. Written by that loop alone, read by any.
class alignas(64) IoCounters {
 public:
  void Succeeded(IoKind kind, std::uint64_t bytes, std::uint64_t end_offset,
                 Clock::time_point begin, Clock::time_point end);
  void Failed(IoKind kind, Clock::time_point end);
  void Invalid(IoKind kind, Clock::time_point end);
  void AddTo(IoStats& sum) const;

 private:
  // No other thread adds, so that it need not be one step.
  struct Count {
    std::atomic<std::uint64_t> value{0};
    void Add(std::uint64_t by) {
      value.store(value.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
    }
    std::uint64_t Get() const { return value.load(std::memory_order_relaxed); }
  };
  struct Kind {
    Count operations;
    Count bytes;
    Count total_ns;
    Count failed;
    Count invalid;
    std::array<Count, LatencyBuckets::kCount> latency;
  };
  void Touch(Clock::time_point now);

  std::array<Kind, kIoKinds> kinds_;
  std::atomic<std::uint64_t> write_highest_offset_{0};
  std::atomic<std::int64_t> last_access_ns_{0};
};

// Counts one request, from its construction on. What has not been told of is a failure.
class IoTimer {
 public:
  IoTimer(IoCounters& counters, IoKind kind)
      : counters_(&counters), begin_(AioContext::Current().Now()), kind_(kind) {}
  IoTimer(const IoTimer&) = delete;
  IoTimer& operator=(const IoTimer&) = delete;
  ~IoTimer() {
    if (counters_ != nullptr) {
      counters_->Failed(kind_, AioContext::Current().Now());
    }
  }
  // `end_offset` of a write: behind its last byte.
  void Succeeded(std::uint64_t bytes, std::uint64_t end_offset = 0) {
    counters_->Succeeded(kind_, bytes, end_offset, begin_, AioContext::Current().Now());
    counters_ = nullptr;
  }
  void Invalid() {
    counters_->Invalid(kind_, AioContext::Current().Now());
    counters_ = nullptr;
  }

 private:
  IoCounters* counters_;
  const Clock::time_point begin_;
  const IoKind kind_;
};

}  // namespace fusebay
