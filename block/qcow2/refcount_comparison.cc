// Goes through the clusters that have a refcount or a reference.
#include "qcow2/refcount_comparison.h"

#include <fmt/format.h>

#include <algorithm>

#include "qcow2/qcow2_refcount_bits.h"

namespace fusebay::qcow2 {

namespace {

// Free clusters are skipped in pieces of this.
constexpr std::uint64_t kStride = 4096;

template <class F>
void ForEachInUse(const StoredRefcounts& stored, const ReferenceCounts& counts, F fn) {
  const std::uint64_t end = counts.clusters();
  for (std::uint64_t first = 0; first < end; first += kStride) {
    const std::uint64_t stop = std::min(end, first + kStride);
    if (counts.FindUsed(first, stop) == stop && stored.FindUsed(first, stop) == stop) {
      continue;
    }
    for (std::uint64_t c = first; c < stop; ++c) {
      const std::uint64_t refcount = stored.Get(c);
      const std::uint64_t references = counts.Get(c);
      if ((refcount | references) != 0) {
        fn(c, refcount, references);
      }
    }
  }
}

std::string Describe(std::string_view what, std::uint64_t cluster, std::uint64_t refcount,
                     std::uint64_t references) {
  return fmt::format("{} cluster {} refcount={} reference={}", what, cluster, refcount, references);
}

}  // namespace

Comparison CompareRefcounts(const Header& header, const StoredRefcounts& stored,
                            const ReferenceCounts& counts, CheckReport& report) {
  Comparison found;
  const std::uint64_t max = MaxRefcount(header.refcount_order);
  const std::uint32_t block_bits = RefcountBlockBits(header);
  std::uint64_t highest = 0;
  // The last cluster is where a region may reach to beyond the end of the file.
  const std::uint64_t beyond = counts.clusters() - 1;
  ForEachInUse(
      stored, counts, [&](std::uint64_t c, std::uint64_t refcount, std::uint64_t references) {
        if ((c == beyond && references == 0) || stored.IsUnknown(c)) {
          return;
        }
        highest = c;
        if (references > max) {
          report.Corrupt(
              fmt::format("ERROR: overflow cluster offset={:#x}: {} references, a refcount "
                          "of this image is at most {}",
                          c << header.cluster_bits, references, max),
              references - max);
          references = max;
        }
        if (refcount == references) {
          return;
        }
        if (refcount > references) {
          ++found.too_high;
          report.Leak(Describe("Leaked", c, refcount, references));
        } else {
          ++found.too_low;
          found.needs_block = found.needs_block || !stored.IsCovered(c);
          report.Corrupt(Describe("ERROR", c, refcount, references));
        }
        const auto block = static_cast<std::uint32_t>(c >> block_bits);
        if (found.wrong_blocks.empty() || found.wrong_blocks.back() != block) {
          found.wrong_blocks.push_back(block);
        }
      });
  report.result.image_end_offset = (highest + 1) << header.cluster_bits;
  return found;
}

void TellRepairs(const Header& header, const StoredRefcounts& stored, const ReferenceCounts& counts,
                 CheckFix fix, CheckReport& report) {
  const std::uint64_t max = MaxRefcount(header.refcount_order);
  ForEachInUse(stored, counts,
               [&](std::uint64_t c, std::uint64_t refcount, std::uint64_t references) {
                 references = std::min(references, max);
                 if (refcount > references || (refcount < references && fix == CheckFix::kAll)) {
                   report.Say(Describe("Repairing", c, refcount, references));
                 }
               });
}

}  // namespace fusebay::qcow2
