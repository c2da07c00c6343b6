// Inflates compressed clusters with libdeflate and zstd, whose headers are seen here alone.
#include "qcow2/qcow2_compress.h"

#include <libdeflate.h>
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

}  // namespace fusebay::qcow2
