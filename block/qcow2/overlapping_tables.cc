// Goes over the beginnings and ends of regions in ascending order.
#include "qcow2/overlapping_tables.h"

#include <algorithm>

namespace fusebay::qcow2 {

std::vector<SharedPiece> PiecesOf(std::vector<Region> regions) {
  std::erase_if(regions, [](const Region& region) { return region.begin >= region.end; });
  std::sort(regions.begin(), regions.end(),
            [](const Region& a, const Region& b) { return a.begin < b.begin; });
  std::vector<std::uint64_t> ends;
  for (const Region& region : regions) {
    ends.push_back(region.end);
  }
  std::sort(ends.begin(), ends.end());
  std::vector<SharedPiece> pieces;
  std::vector<Region> open;  // by ascending begin; some have ended, but not the last one
  std::size_t begun = 0;
  std::size_t ended = 0;
  std::uint64_t at = 0;
  while (ended < ends.size()) {
    const std::uint64_t next =
        begun < regions.size() ? std::min(regions[begun].begin, ends[ended]) : ends[ended];
    if (next > at && begun > ended) {
      pieces.push_back({at, next, begun - ended, open.back().begin});
    }
    at = next;
    for (; begun < regions.size() && regions[begun].begin == at; ++begun) {
      open.push_back(regions[begun]);
    }
    while (ended < ends.size() && ends[ended] == at) {
      ++ended;
    }
    while (!open.empty() && open.back().end <= at) {
      open.pop_back();
    }
  }
  return pieces;
}

}  // namespace fusebay::qcow2
