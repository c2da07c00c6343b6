// The wire format of FUSE over io_uring (7.42): ring entries and the commands that move them.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace fusebay::fuse::abi {

struct UringEntryInOut {
  std::uint64_t flags;
  std::uint64_t commit_id;  // of the request, to be handed back with the reply
  std::uint32_t payload_size;
  std::uint32_t padding;
  std::uint64_t reserved;
};
static_assert(sizeof(UringEntryInOut) == 32);

// The first of the two buffers of a ring entry; the second is the payload: names and data of a
// request, all of a reply after OutHeader.
struct UringRequestHeader {
  std::array<std::byte, 128> in_out;        // InHeader of the request, OutHeader of the reply
  std::array<std::byte, 128> operation_in;  // the fixed arguments of the request
  UringEntryInOut ring_entry_in_out;
};
static_assert(sizeof(UringRequestHeader) == 288);
static_assert(offsetof(UringRequestHeader, operation_in) == 128);
static_assert(offsetof(UringRequestHeader, ring_entry_in_out) == 256);

enum class UringCommand : std::uint32_t {
  kInvalid = 0,
  kRegister = 1,        // hands an entry to the kernel for the first time
  kCommitAndFetch = 2,  // sends a reply and waits for the next request in the same entry
};

// In the 80 bytes of a 128-byte submission entry's command.
struct UringCommandRequest {
  std::uint64_t flags;
  std::uint64_t commit_id;
  std::uint16_t queue_id;
  std::array<std::uint8_t, 6> padding;
};
static_assert(sizeof(UringCommandRequest) == 24);

}  // namespace fusebay::fuse::abi
