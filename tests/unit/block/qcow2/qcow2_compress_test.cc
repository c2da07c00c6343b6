// Compressing and inflating clusters: both types, and data that is damaged, short or too long.
#include "qcow2/qcow2_compress.h"

#include <libdeflate.h>
#include <zlib.h>
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

std::string CompressText(Compression type, const std::string& text, std::size_t room) {
  Compressor compressor(type);
  std::string out(room, '\0');
  out.resize(
      compressor.Compress(std::as_bytes(std::span(text)), std::as_writable_bytes(std::span(out))));
  return out;
}

TEST(WhatWeCompressIsInflatedAgain) {
  for (const Compression type : {Compression::kZlib, Compression::kZstd}) {
    for (const std::size_t size : {512u, 65536u, 2u << 20}) {
      const std::string text = Text(size);
      const std::string compressed = CompressText(type, text, size - 1);
      CHECK(!compressed.empty() && compressed.size() < size);
      const Inflated out = Run(type, compressed + "what follows", size);
      CHECK_OK(out.result);
      CHECK(out.text == text);
    }
  }
}

// QEMU has no more. What is repeated lies 5000 bytes back.
TEST(DeflateLooksBackFourKilobytesAtMost) {
  std::string text;
  for (unsigned i = 0; text.size() < 5000; ++i) {
    text += static_cast<char>(i * i * 2654435761u >> 13);
  }
  for (int i = 0; i < 8; ++i) {
    text += text.substr(0, 5000) + std::string(1000, 'x');
  }
  std::string compressed = CompressText(Compression::kZlib, text, text.size());
  CHECK(!compressed.empty());
  z_stream stream{};
  CHECK_EQ(inflateInit2(&stream, -12), Z_OK);
  std::string out(text.size(), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(compressed.data());
  stream.avail_in = static_cast<uInt>(compressed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  inflateEnd(&stream);
  CHECK(out == text);
}

TEST(WhatDoesNotFitIsNotCompressed) {
  for (const Compression type : {Compression::kZlib, Compression::kZstd}) {
    const std::string compressed = CompressText(type, Text(4096), 4095);
    CHECK(!compressed.empty());
    CHECK(CompressText(type, Text(4096), compressed.size() - 1).empty());
  }
}

TEST(OneCompressorTakesManyClusters) {
  for (const Compression type : {Compression::kZlib, Compression::kZstd}) {
    Compressor compressor(type);
    const std::string text = Text(4096);
    std::string first(4095, '\0');
    std::string second = first;
    const ByteSpan cluster = std::as_bytes(std::span(text));
    const std::size_t size = compressor.Compress(cluster, std::as_writable_bytes(std::span(first)));
    CHECK_EQ(compressor.Compress(cluster, std::as_writable_bytes(std::span(second)).first(10)), 0u);
    CHECK_EQ(compressor.Compress(cluster, std::as_writable_bytes(std::span(second))), size);
    CHECK(first.substr(0, size) == second.substr(0, size));
  }
}

}  // namespace
}  // namespace fusebay::qcow2
