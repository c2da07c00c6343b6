// Inflating clusters: both types, and data that is damaged, short or too long.
#include "qcow2/qcow2_compress.h"

#include <libdeflate.h>
#include <zstd.h>

#include <string>

#include "check.h"

namespace fusebay::qcow2 {
namespace {

std::string Text(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i) {
    text += std::to_string(i * i) + " ";
  }
  text.resize(size);
  return text;
}

std::string Deflate(const std::string& text) {
  libdeflate_compressor* const deflater = libdeflate_alloc_compressor(6);
  std::string out(libdeflate_deflate_compress_bound(deflater, text.size()), '\0');
  out.resize(
      libdeflate_deflate_compress(deflater, text.data(), text.size(), out.data(), out.size()));
  libdeflate_free_compressor(deflater);
  return out;
}

std::string Zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

struct Inflated {
  Result<> result;
  std::string text;
};

Inflated Run(Compression type, const std::string& compressed, std::size_t cluster) {
  Inflated out{Ok(), std::string(cluster, '\0')};
  out.result = Inflate(type, std::as_bytes(std::span(compressed)),
                       std::as_writable_bytes(std::span(out.text)));
  return out;
}

void CheckRoundTrip(Compression type, std::string (*compress)(const std::string&)) {
  for (const std::size_t size : {512u, 65536u, 2u << 20}) {
    const std::string text = Text(size);
    const Inflated out = Run(type, compress(text) + std::string(300, '\x5a'), size);
    CHECK_OK(out.result);
    CHECK(out.text == text);
  }
}

TEST(DeflateFillsTheClusterAndIgnoresWhatFollows) { CheckRoundTrip(Compression::kZlib, &Deflate); }

TEST(ZstdFillsTheClusterAndIgnoresWhatFollows) { CheckRoundTrip(Compression::kZstd, &Zstd); }

TEST(ZstdFramesFollowEachOther) {
  const std::string text = Text(65536);
  const Inflated out =
      Run(Compression::kZstd, Zstd(text.substr(0, 1000)) + Zstd(text.substr(1000)), 65536);
  CHECK_OK(out.result);
  CHECK(out.text == text);
}

TEST(DataThatEndsEarlyIsAnError) {
  CHECK_ERRNO(Run(Compression::kZlib, Deflate(Text(65535)), 65536).result, EIO);
  CHECK_ERRNO(Run(Compression::kZstd, Zstd(Text(65535)), 65536).result, EIO);
}

TEST(DataThatInflatesPastTheClusterIsAnError) {
  CHECK_ERRNO(Run(Compression::kZlib, Deflate(Text(65537)), 65536).result, EIO);
  CHECK_ERRNO(Run(Compression::kZstd, Zstd(Text(65537)), 65536).result, EIO);
}

TEST(CutDataIsAnError) {
  const std::string deflated = Deflate(Text(65536));
  const std::string zstd = Zstd(Text(65536));
  for (std::size_t keep : {0u, 1u, 5u, 100u}) {
    CHECK_ERRNO(Run(Compression::kZlib, deflated.substr(0, keep), 65536).result, EIO);
    CHECK_ERRNO(Run(Compression::kZstd, zstd.substr(0, keep), 65536).result, EIO);
  }
}

TEST(NoiseIsAnError) {
  const std::string noise(1000, '\xff');
  CHECK_ERRNO(Run(Compression::kZlib, noise, 65536).result, EIO);
  CHECK_ERRNO(Run(Compression::kZstd, noise, 65536).result, EIO);
}

}  // namespace
}  // namespace fusebay::qcow2
