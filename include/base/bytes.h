// Loads and stores of integers with a given byte order at any address.
#pragma once
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace fusebay {

using ByteSpan = std::span<const std::byte>;
using MutableByteSpan = std::span<std::byte>;

template <std::unsigned_integral T>
constexpr T ByteSwap(T value) {
  if constexpr (sizeof(T) == 1) {
    return value;
  } else if constexpr (sizeof(T) == 2) {
    return __builtin_bswap16(value);
  } else if constexpr (sizeof(T) == 4) {
    return __builtin_bswap32(value);
  } else {
    return __builtin_bswap64(value);
  }
}

template <std::unsigned_integral T>
T LoadNative(const void* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

template <std::unsigned_integral T>
T LoadBe(const void* p) {
  const T value = LoadNative<T>(p);
  return std::endian::native == std::endian::big ? value : ByteSwap(value);
}

template <std::unsigned_integral T>
T LoadLe(const void* p) {
  const T value = LoadNative<T>(p);
  return std::endian::native == std::endian::little ? value : ByteSwap(value);
}

template <std::unsigned_integral T>
void StoreBe(void* p, T value) {
  const T stored = std::endian::native == std::endian::big ? value : ByteSwap(value);
  std::memcpy(p, &stored, sizeof stored);
}

// Whether every byte is 0. Ends at the first one that is not, and is as fast as memcmp else: what
// begins with zeroes and equals itself so many bytes further on is all zeroes.
inline bool IsZero(ByteSpan bytes) {
  constexpr std::size_t kHead = 16;
  if (bytes.size() < kHead) {
    for (const std::byte b : bytes) {
      if (b != std::byte{0}) {
        return false;
      }
    }
    return true;
  }
  const std::byte* const begin = bytes.data();
  return LoadNative<std::uint64_t>(begin) == 0 && LoadNative<std::uint64_t>(begin + 8) == 0 &&
         std::memcmp(begin, begin + kHead, bytes.size() - kHead) == 0;
}

// The bytes of a trivially copyable object.
template <class T>
ByteSpan BytesOf(const T& object) {
  static_assert(std::is_trivially_copyable_v<T>);
  return std::as_bytes(std::span<const T, 1>(&object, 1));
}

}  // namespace fusebay
