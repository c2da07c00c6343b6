// The buffers of slots, and where the parts of a request lie in them.
#include "fuse/transport/dev_slot.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/align.h"
#include "fuse/abi.h"

namespace fusebay::fuse {

static_assert(SlotMemory::kHeadRoom == sizeof(abi::InHeader) + sizeof(abi::WriteIn));

namespace {

// Bytes of the head of a request whose bulk data follows, as far as `size` goes.
std::size_t HeadSize(const std::byte* request, std::size_t size, std::uint32_t minor,
                     std::uint64_t flags) {
  abi::InHeader header;
  std::memcpy(&header, request, sizeof header);
  std::size_t head = size;
  switch (static_cast<abi::Opcode>(header.opcode)) {
    case abi::Opcode::kWrite:
      // Before INIT is answered there is no WRITE of any age.
      head = sizeof header +
             (minor != 0 && minor < 9 ? abi::kWriteInCompatBytes : sizeof(abi::WriteIn));
      break;
    case abi::Opcode::kIoctl:
      head = sizeof header + sizeof(abi::IoctlIn);
      break;
    case abi::Opcode::kBatchForget:
      head = sizeof header + sizeof(abi::BatchForgetIn);
      break;
    case abi::Opcode::kSetXattr: {
      const std::size_t fixed =
          sizeof header + ((flags & abi::kInitSetXattrExt) != 0 ? sizeof(abi::SetXattrIn)
                                                                : abi::kSetXattrInCompatBytes);
      if (fixed < size) {
        const void* const end = std::memchr(request + fixed, 0, size - fixed);
        if (end != nullptr) {
          head = static_cast<std::size_t>(static_cast<const std::byte*>(end) - request) + 1;
        }
      }
      break;
    }
    default:
      break;
  }
  return std::min({head, size, FuseSlot::kMaxHeadBytes});
}

}  // namespace

SlotMemory::~SlotMemory() {
  if (base_ != nullptr) {
    ::munmap(base_, slot_size_ * slot_count_);
  }
}

Result<> SlotMemory::Allocate(std::size_t slot_count, std::size_t max_payload) {
  FB_ASSERT(base_ == nullptr);
  FB_ASSERT(slot_count > 0 && max_payload > 0 && IsAligned(max_payload, kPage));
  slot_count_ = slot_count;
  max_payload_ = max_payload;
  request_size_ = std::max(max_payload, abi::kMinReadBuffer);
  slot_size_ = kPage + request_size_ + max_payload;
  void* const base = ::mmap(nullptr, slot_size_ * slot_count_, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) {
    return Errno(errno);
  }
  base_ = static_cast<std::byte*>(base);
  // A huge page would give every slot of an idle channel megabytes.
  ::madvise(base_, slot_size_ * slot_count_, MADV_NOHUGEPAGE);
  return Ok();
}

void SlotMemory::Release(std::size_t slot) const {
  FB_ASSERT(slot < slot_count_);
  ::madvise(base_ + slot * slot_size_, slot_size_, MADV_DONTNEED);
}

void SplitRequest(DevSlot& slot, std::size_t size, std::size_t max_payload, std::uint32_t minor,
                  std::uint64_t flags) {
  FB_ASSERT(size >= sizeof(abi::InHeader));
  std::byte* const request = slot.payload - SlotMemory::kHeadRoom;
  const std::size_t head = HeadSize(request, size, minor, flags);
  slot.head = {request, head};

  std::byte* data = request + head;
  abi::InHeader header;
  std::memcpy(&header, request, sizeof header);
  if (header.opcode == static_cast<std::uint32_t>(abi::Opcode::kWrite) && data < slot.payload) {
    std::memmove(slot.payload, data, size - head);  // an old client's short WriteIn
    data = slot.payload;
  }
  slot.in_piece = {data, size - head};
  slot.payload_in = IoVec::Of(slot.in_piece);

  const std::size_t beyond = std::max(size, SlotMemory::kHeadRoom) - SlotMemory::kHeadRoom;
  slot.out_piece = {slot.payload + AlignUp(beyond, SlotMemory::kPage), max_payload};
  slot.payload_out = IoVec::Of(slot.out_piece);
}

}  // namespace fusebay::fuse
