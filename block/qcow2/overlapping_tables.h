// Regions of the image file that may overlap, as snapshots' L1 tables do in a damaged image: each
// place once, with how many regions it belongs to, so that it is read once.
#pragma once
#include <cstdint>
#include <vector>

namespace fusebay::qcow2 {

struct Region {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

// Part of one or more regions.
struct SharedPiece {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t times = 0;         // regions that it belongs to
  std::uint64_t region_begin = 0;  // of those, the one that begins last
};

// By ascending place, at most two for each region.
std::vector<SharedPiece> PiecesOf(std::vector<Region> regions);

}  // namespace fusebay::qcow2
