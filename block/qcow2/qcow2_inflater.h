// Inflater: reads and inflates compressed clusters, and keeps the last few.
#pragma once
#include <string>

#include "block/block_ref.h"
#include "core/log.h"
#include "qcow2/qcow2_map.h"
#include "qcow2/table_cache.h"

namespace fusebay::qcow2 {

class Inflater : private TableCache::Source {
 public:
  // Clusters kept: small reads one after the other inflate each cluster once.
  static constexpr std::size_t kMaxClusters = 8;
  static constexpr std::size_t kMaxBytes = 4 * kMiB;
  // Clusters up to this are inflated on the loop: that takes less than two hops to a worker.
  static constexpr std::size_t kMaxInlineBytes = 16 * kKiB;

  // `file` outlives the Inflater. `filename` is for messages.
  Inflater(const BlockRef& file, const Header& header, std::string filename);

  // Fills dst from a run of kind kCompressed. Any loop. Whoever wants part of a cluster that is
  // being inflated waits for that.
  Task<Result<>> Read(Run run, IoVec dst);
  // Another cluster is about to get this descriptor. False: somebody still reads one that has it.
  [[nodiscard]] bool Forget(std::uint64_t descriptor) {
    return clusters_.Forget(descriptor, descriptor + 1);
  }

 private:
  Task<Result<>> Load(std::uint64_t descriptor, MutableByteSpan dst) override;
  void ReportDamage(std::uint64_t offset, Errno cause);

  const BlockRef& file_;
  const std::uint32_t cluster_bits_;
  const Compression type_;
  const std::string filename_;
  RateLimit log_limit_;
  TableCache clusters_;
};

}  // namespace fusebay::qcow2
