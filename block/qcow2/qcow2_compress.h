// Inflates compressed clusters: raw deflate ("zlib" in qcow2's words) and zstd. Pure.
#pragma once
#include "base/bytes.h"
#include "base/result.h"
#include "qcow2/qcow2_header.h"

namespace fusebay::qcow2 {

// Fills all of `cluster` from `compressed`, which may go on after the end of the data. EIO: the
// data is damaged, ends early, or inflates to more than a cluster; ENOMEM.
// Takes 0.1 ms or so for a cluster of 64 KiB. Any thread.
Result<> Inflate(Compression type, ByteSpan compressed, MutableByteSpan cluster);

}  // namespace fusebay::qcow2
