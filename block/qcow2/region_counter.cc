// Counts regions of any place and length.
#include "qcow2/region_counter.h"

#include <fmt/format.h>

namespace fusebay::qcow2 {

void RegionCounter::CountAny(std::uint64_t offset, std::uint64_t length, std::uint64_t times) {
  if (length == 0 || times == 0) {
    return;
  }
  if (IsBeyondFile(offset, length)) {
    report_.Corrupt(
        fmt::format("ERROR: counting reference for region exceeding the end of the file by one "
                    "cluster or more: offset {:#x} size {:#x}",
                    offset, length),
        times);
    return;
  }
  const std::uint64_t last = (offset + length - 1) >> cluster_bits_;
  for (std::uint64_t c = offset >> cluster_bits_; c <= last; ++c) {
    counts_.Add(c, times);
  }
}

}  // namespace fusebay::qcow2
