// A ring of requests in flight, delivered in the order in which they were started.
#include "qcow2/extent_reader.h"

#include <array>

#include "core/aio_context.h"
#include "core/scope.h"
#include "qcow2/qcow2_io.h"

namespace fusebay::qcow2 {

namespace {

// One request: the extents [first, end), which are neighbours.
struct Slot {
  Buffer buffer;
  std::size_t first = 0;
  std::size_t end = 0;
  std::uint64_t offset = 0;
  std::size_t bytes = 0;
  Result<> result = Ok();
  CoEvent done;
};

struct Ring {
  std::array<Slot, ExtentReader::kParallel> slots;
  std::size_t next = 0;  // extent
};

Task<Unit> Fill(const BlockRef& file, Slot& slot) {
  slot.result = co_await ReadOrZero(file, slot.offset, slot.buffer.vec().First(slot.bytes));
  slot.done.Set();
  co_return Unit{};
}

// Gives the slot the next extents; none are left: an empty range.
void Plan(const ExtentReader& reader, std::size_t& next, Slot& slot) {
  slot.done.Reset();
  slot.first = next;
  slot.end = next;
  slot.bytes = 0;
  while (next < reader.count()) {
    const Extent extent = reader.At(next);
    FB_ASSERT(extent.length > 0 && extent.length <= ExtentReader::kMaxExtent);
    if (slot.bytes == 0) {
      slot.offset = extent.offset;
    } else if (extent.offset != slot.offset + slot.bytes ||
               slot.bytes + extent.length > ExtentReader::kRequestBytes) {
      break;
    }
    slot.bytes += extent.length;
    slot.end = ++next;
  }
  if (slot.bytes > slot.buffer.size()) {
    slot.buffer = AioContext::Current().buffers().Get(
        std::max<std::size_t>(slot.bytes, ExtentReader::kRequestBytes));
  }
}

Result<> Deliver(ExtentReader& reader, const Slot& slot) {
  std::size_t at = 0;
  for (std::size_t index = slot.first; index < slot.end; ++index) {
    const std::size_t length = reader.At(index).length;
    const Result<ByteSpan> bytes = slot.result.ok()
                                       ? Result<ByteSpan>(ByteSpan(slot.buffer.data() + at, length))
                                       : Result<ByteSpan>(slot.result.error());
    FB_TRY(reader.Take(index, bytes));
    at += length;
  }
  return Ok();
}

void Start(const BlockRef& file, const ExtentReader& reader, Ring& ring, Slot& slot,
           TaskScope& scope) {
  Plan(reader, ring.next, slot);
  if (slot.first != slot.end) {
    scope.Spawn(Fill(file, slot));
  }
}

}  // namespace

Task<Result<>> ReadExtents(const BlockRef& file, ExtentReader& reader) {
  const auto ring = std::make_unique<Ring>();
  TaskScope scope;
  for (Slot& slot : ring->slots) {
    Start(file, reader, *ring, slot, scope);
  }
  Result<> result = Ok();
  for (std::size_t i = 0; result.ok(); ++i) {
    Slot& slot = ring->slots[i % ring->slots.size()];
    if (slot.first == slot.end) {
      break;
    }
    co_await slot.done.Wait();
    result = Deliver(reader, slot);
    if (result.ok()) {
      Start(file, reader, *ring, slot, scope);
    }
    co_await AioContext::Current().Yield();
  }
  co_await scope.Join();
  co_return result;
}

}  // namespace fusebay::qcow2
