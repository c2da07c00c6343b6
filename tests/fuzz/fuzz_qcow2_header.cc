// Fuzzes the pure parsers of qcow2: header, snapshot table, bitmap directory, backing names and L2
// entries.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "qcow2/qcow2_backing.h"
#include "qcow2/qcow2_bitmap.h"
#include "qcow2/qcow2_header.h"
#include "qcow2/qcow2_l2.h"
#include "qcow2/qcow2_snapshot.h"

using namespace fusebay;

namespace {

// Every 16 bytes are an entry of an image with this header.
void DecodeAll(const qcow2::Header& header, ByteSpan bytes) {
  const qcow2::L2Layout layout(header);
  for (std::uint64_t at = 0; bytes.size() >= 16; bytes = bytes.subspan(16), at += 16) {
    const auto entry = qcow2::DecodeL2(layout, bytes.data(), at << layout.cluster_bits);
    if (!entry.ok()) {
      FB_ASSERT(!qcow2::FaultText(entry.error()).empty());
    } else if (entry->compressed) {
      const auto place = qcow2::PlaceOf(layout.cluster_bits, entry->descriptor);
      FB_ASSERT(place.length > 0 && place.length <= 2 * layout.cluster_size());
    } else {
      FB_ASSERT((entry->allocated & entry->zero) == 0);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteSpan bytes = std::as_bytes(std::span(data, size));
  static_cast<void>(qcow2::ParseSnapshots(bytes, 100, 4096, "fuzz").ok());
  static_cast<void>(qcow2::ParseBitmapDirectory(bytes, 100, "fuzz").ok());
  const std::size_t first = std::min(size, qcow2::HeaderBytes(bytes));
  const auto header = qcow2::ParseHeader(bytes.first(first), size, "fuzz");
  if (!header.ok()) {
    FB_ASSERT(header.error().message.starts_with("fuzz: "));
    return 0;
  }
  if (!header->backing_name.empty()) {
    static_cast<void>(qcow2::ParseBacking(*header, "/images/fuzz").ok());
  }
  DecodeAll(*header, bytes);
  return 0;
}
