// Puts compressed clusters into an image that a test builds.
#pragma once
#include <libdeflate.h>

#include <string>

#include "image_builder.h"

namespace fusebay::qcow2::test {

// Adds guest cluster `index` (of 64 KiB), compressed, right after everything else.
inline ImageBuilder& Compress(ImageBuilder& image, std::uint64_t index, const std::string& text) {
  libdeflate_compressor* const deflater = libdeflate_alloc_compressor(6);
  std::string out(libdeflate_deflate_compress_bound(deflater, text.size()), '\0');
  out.resize(
      libdeflate_deflate_compress(deflater, text.data(), text.size(), out.data(), out.size()));
  libdeflate_free_compressor(deflater);
  const std::uint64_t at = image.bytes().size();
  const std::uint64_t sectors = (at % 512 + out.size() - 1) / 512;
  image.Bytes(at, out);
  return image.L2(index, kCompressed | sectors << 54 | at);
}

}  // namespace fusebay::qcow2::test
