// One refcount in a refcount block: entries of 1 to 64 bits, packed. Pure.
#pragma once
#include <cstdint>

#include "base/assert.h"
#include "base/bytes.h"

namespace fusebay::qcow2 {

// `order` is the header's refcount_order: an entry has 2^order bits. Entries of less than a byte
// begin at its lowest bit; longer ones are big-endian.
inline std::uint64_t MaxRefcount(std::uint32_t order) {
  return order == 6 ? ~std::uint64_t{0} : (std::uint64_t{1} << (1u << order)) - 1;
}

inline std::uint64_t LoadRefcount(const std::byte* block, std::uint64_t index,
                                  std::uint32_t order) {
  switch (order) {
    case 3:
      return std::to_integer<std::uint8_t>(block[index]);
    case 4:
      return LoadBe<std::uint16_t>(block + index * 2);
    case 5:
      return LoadBe<std::uint32_t>(block + index * 4);
    case 6:
      return LoadBe<std::uint64_t>(block + index * 8);
    default: {
      const std::uint64_t bit = index << order;
      return (std::to_integer<std::uint64_t>(block[bit / 8]) >> (bit % 8)) & MaxRefcount(order);
    }
  }
}

// REQUIRES: value <= MaxRefcount(order).
inline void StoreRefcount(std::byte* block, std::uint64_t index, std::uint32_t order,
                          std::uint64_t value) {
  FB_ASSERT(value <= MaxRefcount(order));
  switch (order) {
    case 3:
      block[index] = static_cast<std::byte>(value);
      return;
    case 4:
      return StoreBe(block + index * 2, static_cast<std::uint16_t>(value));
    case 5:
      return StoreBe(block + index * 4, static_cast<std::uint32_t>(value));
    case 6:
      return StoreBe(block + index * 8, value);
    default: {
      const std::uint64_t bit = index << order;
      const auto mask = static_cast<std::byte>(MaxRefcount(order) << (bit % 8));
      block[bit / 8] = (block[bit / 8] & ~mask) | static_cast<std::byte>(value << (bit % 8));
    }
  }
}

}  // namespace fusebay::qcow2
