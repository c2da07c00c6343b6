// Reads many places of a file in order: neighbours in one request, several requests at a time.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "block/block_ref.h"

namespace fusebay::qcow2 {

struct Extent {
  std::uint64_t offset = 0;
  std::uint32_t length = 0;  // at most kMaxExtent
};

// What is to be read, and who takes it.
class ExtentReader {
 public:
  static constexpr std::size_t kRequestBytes = 1 << 20;
  static constexpr std::size_t kMaxExtent = 2 << 20;
  static constexpr std::size_t kParallel = 4;

  virtual ~ExtentReader() = default;
  virtual std::size_t count() const = 0;
  // REQUIRES: index < count(). The same answer each time.
  virtual Extent At(std::size_t index) const = 0;
  // Called once for each extent, in order. `bytes` is what the file has there, with zeroes beyond
  // its end, or the error of the request that it was part of. An error returned ends the reading.
  virtual Result<> Take(std::size_t index, const Result<ByteSpan>& bytes) = 0;
};

// Ok, or the error that Take returned. `file` and `reader` outlive the task.
Task<Result<>> ReadExtents(const BlockRef& file, ExtentReader& reader);

}  // namespace fusebay::qcow2
