// Refcounts of every width, packed and unpacked.
#include "qcow2/qcow2_refcount_bits.h"

#include <array>

#include "check.h"

namespace fusebay::qcow2 {
namespace {

TEST(EveryWidthKeepsItsNeighbours) {
  for (std::uint32_t order = 0; order <= 6; ++order) {
    std::array<std::byte, 64> block{};
    StoreRefcount(block.data(), 1, order, MaxRefcount(order));
    StoreRefcount(block.data(), 3, order, 1);
    CHECK_EQ(LoadRefcount(block.data(), 0, order), 0u);
    CHECK_EQ(LoadRefcount(block.data(), 1, order), MaxRefcount(order));
    CHECK_EQ(LoadRefcount(block.data(), 2, order), 0u);
    CHECK_EQ(LoadRefcount(block.data(), 3, order), 1u);
    StoreRefcount(block.data(), 1, order, 0);
    CHECK_EQ(LoadRefcount(block.data(), 1, order), 0u);
    CHECK_EQ(LoadRefcount(block.data(), 3, order), 1u);
  }
}

TEST(NarrowOnesBeginAtTheLowestBit) {
  std::array<std::byte, 2> block{};
  StoreRefcount(block.data(), 1, 2, 0xa);
  CHECK(block[0] == std::byte{0xa0});
  StoreRefcount(block.data(), 9, 0, 1);
  CHECK(block[1] == std::byte{0x02});
}

TEST(WideOnesAreBigEndian) {
  std::array<std::byte, 4> block{};
  StoreRefcount(block.data(), 1, 4, 0x1234);
  CHECK(block[2] == std::byte{0x12} && block[3] == std::byte{0x34});
}

}  // namespace
}  // namespace fusebay::qcow2
