// Rounding to powers of two. Every `alignment` here is a power of two.
#pragma once
#include <bit>
#include <cstdint>

#include "base/assert.h"

namespace fusebay {

constexpr bool IsAligned(std::uint64_t value, std::uint64_t alignment) {
  FB_ASSERT(std::has_single_bit(alignment));
  return (value & (alignment - 1)) == 0;
}

constexpr std::uint64_t AlignDown(std::uint64_t value, std::uint64_t alignment) {
  FB_ASSERT(std::has_single_bit(alignment));
  return value & ~(alignment - 1);
}

// REQUIRES: the result fits.
constexpr std::uint64_t AlignUp(std::uint64_t value, std::uint64_t alignment) {
  FB_ASSERT(value <= UINT64_MAX - (alignment - 1));
  return AlignDown(value + (alignment - 1), alignment);
}

}  // namespace fusebay
