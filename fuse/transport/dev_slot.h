// DevSlot: a slot of a channel that reads whole requests into one buffer, and that buffer's layout.
//
//   | ... 80 bytes | request continues ...      | payload_out ...            |
//   ^ page         ^ payload, page-aligned      ^ the next page after the request
//
// A request is read to 80 bytes before `payload`, so that InHeader and WriteIn (40 + 40 bytes) end
// there and the data of a WRITE is page-aligned, with one plain read. A reply's data goes to the
// first page after the request: for READ, whose arguments fill those 80 bytes, that is `payload`.
#pragma once
#include <coroutine>
#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "core/io_engine.h"
#include "fuse/slot.h"

namespace fusebay::fuse {

struct DevSlot final : FuseSlot {
  enum class State : std::uint8_t {
    kIdle,     // nobody waits in it
    kWaiting,  // a coroutine waits for a request
    kServing,  // a request is in progress
  };

  State state = State::kIdle;
  Runnable waiter;             // what to resume with the next request
  Result<>* result = nullptr;  // the waiter's
  DevSlot* next_free = nullptr;
  std::byte* payload = nullptr;
  bool touched = false;  // the buffer has memory behind it
  iovec in_piece{};
  iovec out_piece{};
};

// The buffers of all slots of a channel: address space at once, memory as it is used.
class SlotMemory {
 public:
  static constexpr std::size_t kPage = 4096;
  static constexpr std::size_t kHeadRoom = 80;

  SlotMemory() = default;
  SlotMemory(const SlotMemory&) = delete;
  SlotMemory& operator=(const SlotMemory&) = delete;
  ~SlotMemory();

  // REQUIRES: max_payload is a multiple of a page; called once.
  Result<> Allocate(std::size_t slot_count, std::size_t max_payload);

  std::byte* payload(std::size_t slot) const { return base_ + slot * slot_size_ + kPage; }
  // How much one read may deliver.
  std::size_t read_size() const { return kHeadRoom + request_size_; }
  std::size_t max_payload() const { return max_payload_; }
  // Gives the slot's memory back; it reads as zeroes afterwards.
  void Release(std::size_t slot) const;

 private:
  std::byte* base_ = nullptr;
  std::size_t slot_size_ = 0;
  std::size_t slot_count_ = 0;
  std::size_t request_size_ = 0;
  std::size_t max_payload_ = 0;
};

// Splits the request of `size` bytes that was just read into the slot's buffer into head and
// payload_in, and sets payload_out. `minor` and `flags` are what INIT settled, 0 before it.
void SplitRequest(DevSlot& slot, std::size_t size, std::size_t max_payload, std::uint32_t minor,
                  std::uint64_t flags);

}  // namespace fusebay::fuse
