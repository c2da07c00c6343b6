// Overlapping regions in pieces.
#include "qcow2/overlapping_tables.h"

#include <random>
#include <string>

#include "check.h"

namespace fusebay::qcow2 {
namespace {

using ::fusebay::test::Seed;

// "0-4x1@0 ": a piece, how often, and where the last region of it begins.
std::string Show(std::vector<Region> regions) {
  std::string text;
  for (const SharedPiece& piece : PiecesOf(std::move(regions))) {
    text += std::to_string(piece.begin) + '-' + std::to_string(piece.end) + 'x' +
            std::to_string(piece.times) + '@' + std::to_string(piece.region_begin) + ' ';
  }
  return text;
}

TEST(RegionsApartAreTheirOwnPieces) {
  CHECK_EQ(Show({}), "");
  CHECK_EQ(Show({{5, 5}}), "");
  CHECK_EQ(Show({{8, 9}, {0, 4}, {4, 6}}), "0-4x1@0 4-6x1@4 8-9x1@8 ");
}

TEST(TheSameRegionIsOnePiece) { CHECK_EQ(Show({{2, 4}, {2, 4}, {2, 4}}), "2-4x3@2 "); }

TEST(OverlapsAreCounted) {
  CHECK_EQ(Show({{0, 9}, {3, 6}}), "0-3x1@0 3-6x2@3 6-9x1@0 ");
  CHECK_EQ(Show({{0, 5}, {3, 9}}), "0-3x1@0 3-5x2@3 5-9x1@3 ");
  CHECK_EQ(Show({{0, 1}, {0, 2}, {0, 3}}), "0-1x3@0 1-2x2@0 2-3x1@0 ");
}

TEST(EveryPlaceIsInAsManyPiecesAsItShould) {
  std::minstd_rand random(static_cast<unsigned>(Seed()));
  for (int turn = 0; turn < 200; ++turn) {
    std::vector<Region> regions(random() % 12);
    std::vector<std::uint64_t> times(64);
    std::vector<std::uint64_t> last(64);
    for (Region& region : regions) {
      region.begin = random() % 40;
      region.end = region.begin + random() % 24;
      for (std::uint64_t at = region.begin; at < region.end; ++at) {
        ++times[at];
        last[at] = std::max(last[at], region.begin);
      }
    }
    for (const SharedPiece& piece : PiecesOf(regions)) {
      for (std::uint64_t at = piece.begin; at < piece.end; ++at) {
        CHECK_EQ(piece.times, times[at]);
        CHECK_EQ(piece.region_begin, last[at]);
        times[at] = 0;
      }
    }
    for (const std::uint64_t left : times) {
      CHECK_EQ(left, 0u);
    }
  }
}

}  // namespace
}  // namespace fusebay::qcow2
