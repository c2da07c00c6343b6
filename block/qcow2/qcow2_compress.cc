// Compresses clusters with zlib and zstd and inflates them with libdeflate and zstd, whose headers
// are seen here alone.
#include "qcow2/qcow2_compress.h"

#include <libdeflate.h>
#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

#include <memory>

namespace fusebay::qcow2 {

namespace {

Result<> InflateDeflate(ByteSpan compressed, MutableByteSpan cluster) {
  const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> inflater(
      libdeflate_alloc_decompressor(), &libdeflate_free_decompressor);
  if (inflater == nullptr) {
    return Errno{ENOMEM};
  }
  // Without a place for the actual size, anything but exactly a cluster is an error.
  const libdeflate_result result =
      libdeflate_deflate_decompress(inflater.get(), compressed.data(), compressed.size(),
                                    cluster.data(), cluster.size(), nullptr);
  return result == LIBDEFLATE_SUCCESS ? Ok() : Errno{EIO};
}

// One or more frames, until the cluster is full. Frame by frame, for what follows the last one is
// not zstd, and because decoding a known frame at once needs no window buffer, whose size a hostile
// image could choose.
Result<> InflateZstd(ByteSpan compressed, MutableByteSpan cluster) {
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(),
                                                                     &ZSTD_freeDCtx);
  if (context == nullptr) {
    return Errno{ENOMEM};
  }
  while (!cluster.empty()) {
    const std::size_t frame = ZSTD_findFrameCompressedSize(compressed.data(), compressed.size());
    if (ZSTD_isError(frame) != 0 || frame == 0) {
      return Errno{EIO};
    }
    const std::size_t filled = ZSTD_decompressDCtx(context.get(), cluster.data(), cluster.size(),
                                                   compressed.data(), frame);
    if (ZSTD_isError(filled) != 0) {
      return Errno{EIO};
    }
    compressed = compressed.subspan(frame);
    cluster = cluster.subspan(filled);
  }
  return Ok();
}

}  // namespace

Result<> Inflate(Compression type, ByteSpan compressed, MutableByteSpan cluster) {
  return type == Compression::kZstd ? InflateZstd(compressed, cluster)
                                    : InflateDeflate(compressed, cluster);
}

// QEMU inflates with a window of 4 KiB: data that refers further back would be lost on it. This is
// why libdeflate, whose window cannot be chosen, does not compress.
struct Compressor::Impl {
  static constexpr int kWindowBits = -12;  // negative: without a zlib header
  static constexpr int kMemoryLevel = 9;

  Result<> Start() {
    if (type == Compression::kZstd) {
      zstd.reset(ZSTD_createCCtx());
      return zstd == nullptr ? Errno{ENOMEM} : Ok();
    }
    started = deflateInit2(&zlib, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kWindowBits, kMemoryLevel,
                           Z_DEFAULT_STRATEGY) == Z_OK;
    return started ? Ok() : Errno{ENOMEM};
  }
  ~Impl() {
    if (started) {
      deflateEnd(&zlib);
    }
  }

  std::size_t Deflate(ByteSpan cluster, MutableByteSpan dst) {
    zlib.next_in = reinterpret_cast<const Bytef*>(cluster.data());
    zlib.avail_in = static_cast<uInt>(cluster.size());
    zlib.next_out = reinterpret_cast<Bytef*>(dst.data());
    zlib.avail_out = static_cast<uInt>(dst.size());
    const bool fits = deflateReset(&zlib) == Z_OK && deflate(&zlib, Z_FINISH) == Z_STREAM_END;
    return fits ? dst.size() - zlib.avail_out : 0;
  }
  std::size_t CompressZstd(ByteSpan cluster, MutableByteSpan dst) {
    const std::size_t bytes = ZSTD_compressCCtx(zstd.get(), dst.data(), dst.size(), cluster.data(),
                                                cluster.size(), ZSTD_CLEVEL_DEFAULT);
    return ZSTD_isError(bytes) != 0 ? 0 : bytes;
  }

  Compression type = Compression::kZlib;
  bool started = false;  // zlib
  z_stream zlib{};
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> zstd{nullptr, &ZSTD_freeCCtx};
};

Compressor::Compressor(Compression type) : impl_(std::make_unique<Impl>()) {
  impl_->type = type;
  if (!impl_->Start().ok()) {
    impl_ = nullptr;
  }
}

Compressor::~Compressor() = default;

std::size_t Compressor::Compress(ByteSpan cluster, MutableByteSpan dst) {
  if (impl_ == nullptr) {
    return 0;
  }
  return impl_->type == Compression::kZstd ? impl_->CompressZstd(cluster, dst)
                                           : impl_->Deflate(cluster, dst);
}

}  // namespace fusebay::qcow2
