// Fuzzes the recognition of image formats by their first and last bytes.
#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "base/bytes.h"
#include "block/block_driver.h"
#include "block/open_image.h"
#include "probe.h"

using namespace fusebay;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteSpan bytes = std::as_bytes(std::span(data, size));
  FB_ASSERT(!ProbeFormat(bytes).empty());
  if (size >= kProbeTailBytes) {
    FB_ASSERT(!ProbeTail(bytes.last(kProbeTailBytes)).empty());
  }
  for (const BlockDriver* const driver : BlockDrivers()) {
    if (driver->probe != nullptr) {
      const int score = driver->probe(bytes);
      FB_ASSERT(score >= 0 && score <= 100);
    }
  }
  return 0;
}
