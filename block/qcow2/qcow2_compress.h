// Compresses and inflates clusters: raw deflate ("zlib" in qcow2's words) and zstd. Pure.
#pragma once
#include <memory>

#include "base/bytes.h"
#include "base/result.h"
#include "qcow2/qcow2_header.h"

namespace fusebay::qcow2 {

// Fills all of `cluster` from `compressed`, which may go on after the end of the data. EIO: the
// data is damaged, ends early, or inflates to more than a cluster; ENOMEM.
// Takes 0.1 ms or so for a cluster of 64 KiB. Any thread.
Result<> Inflate(Compression type, ByteSpan compressed, MutableByteSpan cluster);

// Compresses clusters, one after the other. Any thread, one at a time.
class Compressor {
 public:
  explicit Compressor(Compression type);
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;
  ~Compressor();

  // Returns how many bytes of `dst` the compressed cluster takes; 0: it does not fit, or there is
  // no memory for compressing it. Takes 1 ms or so for a cluster of 64 KiB.
  std::size_t Compress(ByteSpan cluster, MutableByteSpan dst);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fusebay::qcow2
