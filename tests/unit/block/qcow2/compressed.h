// Puts compressed clusters into an image that a test builds; and data that does not get smaller.
#pragma once
#include <algorithm>
#include <string>

#include "image_builder.h"

namespace fusebay::qcow2::test {

// What no compressor makes smaller.
inline std::string Noise(std::size_t size) {
  std::string text(size, '\0');
  std::uint64_t state = 1;
  for (char& c : text) {
    state = state * 6364136223846793005 + 1442695040888963407;
    c = static_cast<char>(state >> 56);
  }
  return text;
}

// Raw deflate without a compressor: stored blocks.
inline std::string DeflateStored(std::string_view text) {
  constexpr std::size_t kBlock = 30000;  // a block has at most 65535 bytes
  std::string out;
  while (!text.empty()) {
    const std::size_t length = std::min(text.size(), kBlock);
    out += length == text.size() ? '\1' : '\0';  // the last one?
    for (const std::size_t field : {length, ~length}) {
      out += static_cast<char>(field & 0xff);
      out += static_cast<char>(field >> 8 & 0xff);
    }
    out += text.substr(0, length);
    text.remove_prefix(length);
  }
  return out;
}

// Adds guest cluster `index` (of 64 KiB), compressed, right after everything else.
inline ImageBuilder& Compress(ImageBuilder& image, std::uint64_t index, const std::string& text) {
  const std::string data = DeflateStored(text);
  const std::uint64_t at = image.bytes().size();
  const std::uint64_t sectors = (at % 512 + data.size() - 1) / 512;
  image.Bytes(at, data);
  return image.L2(index, kCompressed | sectors << 54 | at);
}

}  // namespace fusebay::qcow2::test
