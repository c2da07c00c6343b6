// How requests are split between head and payload.
#include "fuse/transport/dev_slot.h"

#include <cstring>
#include <string>

#include "check.h"
#include "fuse/abi.h"

namespace fusebay::fuse::test {
namespace {

struct Buffer {
  Buffer() {
    CHECK_OK(memory.Allocate(1, 8192));
    slot.payload = memory.payload(0);
  }
  // Puts a request there, as a read would, and splits it.
  const DevSlot& Split(abi::Opcode opcode, const std::string& rest, std::uint32_t minor = 45,
                       std::uint64_t flags = 0) {
    abi::InHeader header{};
    header.opcode = static_cast<std::uint32_t>(opcode);
    std::byte* const start = slot.payload - SlotMemory::kHeadRoom;
    std::memcpy(start, &header, sizeof header);
    std::memcpy(start + sizeof header, rest.data(), rest.size());
    SplitRequest(slot, sizeof header + rest.size(), memory.max_payload(), minor, flags);
    return slot;
  }
  std::string Payload() const {
    std::string text(slot.payload_in.size, '\0');
    slot.payload_in.CopyTo(reinterpret_cast<std::byte*>(text.data()));
    return text;
  }
  SlotMemory memory;
  DevSlot slot;
};

TEST(PlainRequestIsAllHead) {
  Buffer b;
  const DevSlot& slot = b.Split(abi::Opcode::kLookup, std::string("name\0", 5));
  CHECK_EQ(slot.head.size(), 45u);
  CHECK_EQ(slot.payload_in.size, 0u);
}

TEST(ReadsReplyGoesRightBehindItsArguments) {
  Buffer b;
  const DevSlot& slot = b.Split(abi::Opcode::kRead, std::string(40, '\0'));
  CHECK(static_cast<std::byte*>(slot.out_piece.iov_base) == slot.payload);
  CHECK_EQ(slot.payload_out.size, 8192u);
}

TEST(LongRequestIsNotOverwrittenByItsReply) {
  Buffer b;
  const DevSlot& slot = b.Split(abi::Opcode::kGetXattr, std::string(200, 'x'));
  CHECK(static_cast<std::byte*>(slot.out_piece.iov_base) == slot.payload + 4096);
  CHECK(slot.payload_out.IsMemoryAligned(4096));
}

TEST(WriteIsSplitAfterItsArguments) {
  Buffer b;
  const DevSlot& slot = b.Split(abi::Opcode::kWrite, std::string(40, '\0') + "data");
  CHECK_EQ(slot.head.size(), 80u);
  CHECK_EQ(b.Payload(), "data");
  CHECK(static_cast<std::byte*>(slot.in_piece.iov_base) == slot.payload);
}

TEST(OldWriteIsSplitAfterItsShortArguments) {
  Buffer b;
  const DevSlot& slot = b.Split(abi::Opcode::kWrite, std::string(24, '\0') + "data", 8);
  CHECK_EQ(slot.head.size(), 64u);
  CHECK_EQ(b.Payload(), "data");
  CHECK(static_cast<std::byte*>(slot.in_piece.iov_base) == slot.payload);
}

TEST(CutOffWriteHasNoPayload) {
  Buffer b;
  const DevSlot& slot = b.Split(abi::Opcode::kWrite, std::string(10, '\0'));
  CHECK_EQ(slot.head.size(), 50u);
  CHECK_EQ(slot.payload_in.size, 0u);
}

TEST(SetXattrIsSplitAfterTheName) {
  Buffer b;
  const std::string name("user.a\0", 7);
  CHECK_EQ(b.Split(abi::Opcode::kSetXattr, std::string(8, '\1') + name + "value").head.size(),
           40u + 8 + 7);
  CHECK_EQ(b.Payload(), "value");
}

TEST(ExtendedSetXattrHasLongerArguments) {
  Buffer b;
  const std::string rest = std::string(16, '\0') + std::string("user.a\0", 7) + "value";
  CHECK_EQ(b.Split(abi::Opcode::kSetXattr, rest, 45, abi::kInitSetXattrExt).head.size(),
           40u + 16 + 7);
  CHECK_EQ(b.Payload(), "value");
}

TEST(SetXattrWithoutAnEndIsAllHead) {
  Buffer b;
  CHECK_EQ(b.Split(abi::Opcode::kSetXattr, std::string(100, 'x')).head.size(), 140u);
}

TEST(IoctlAndBatchForgetAreSplitAfterTheirArguments) {
  Buffer b;
  CHECK_EQ(b.Split(abi::Opcode::kIoctl, std::string(32, '\0') + "in").head.size(), 72u);
  CHECK_EQ(b.Payload(), "in");
  CHECK_EQ(b.Split(abi::Opcode::kBatchForget, std::string(8 + 32, '\0')).head.size(), 48u);
  CHECK_EQ(b.slot.payload_in.size, 32u);
}

TEST(HeadIsBounded) {
  Buffer b;
  const DevSlot& slot = b.Split(abi::Opcode::kLookup, std::string(8232, 'x'));
  CHECK_EQ(slot.head.size(), FuseSlot::kMaxHeadBytes);
  CHECK_EQ(slot.payload_in.size, 80u);
  CHECK(slot.payload_out.IsMemoryAligned(4096));
}

TEST(ReleasedMemoryReadsAsZeroes) {
  Buffer b;
  b.slot.payload[5] = std::byte{1};
  b.memory.Release(0);
  CHECK(b.slot.payload[5] == std::byte{0});
}

}  // namespace
}  // namespace fusebay::fuse::test
