// From the words of a filesystem to the wire.
#include "fuse/server/reply.h"

#include "check.h"

namespace fusebay::fuse::test {
namespace {

TEST(ValidityIsSplitIntoSecondsAndNanoseconds) {
  const abi::AttrOut out = EncodeAttrOut({.valid = std::chrono::milliseconds(2500)});
  CHECK_EQ(out.attr_valid, 2u);
  CHECK_EQ(out.attr_valid_ns, 500'000'000u);
}

TEST(NegativeValidityIsNone) {
  const abi::AttrOut out = EncodeAttrOut({.valid = std::chrono::seconds(-1)});
  CHECK_EQ(out.attr_valid, 0u);
  CHECK_EQ(out.attr_valid_ns, 0u);
}

TEST(EntryHasTwoValidities) {
  const abi::EntryOut out = EncodeEntry({.node = NodeId{2},
                                         .attr = {.valid = std::chrono::seconds(3)},
                                         .valid = std::chrono::seconds(4)});
  CHECK_EQ(out.attr_valid, 3u);
  CHECK_EQ(out.entry_valid, 4u);
}

TEST(TimesBefore1970Survive) {
  const abi::Attr out = EncodeAttr({.mtime = {-5, 7}});
  CHECK_EQ(static_cast<std::int64_t>(out.mtime), -5);
  CHECK_EQ(out.mtime_ns, 7u);
}

TEST(LargeDeviceNumbersSurvive) {
  const abi::Attr out = EncodeAttr({.rdev_major = 259, .rdev_minor = 70'000});
  CHECK_EQ(out.rdev, (70'000u & 0xff) | 259u << 8 | (70'000u & ~0xffu) << 12);
}

TEST(SizesFollowTheMinor) {
  CHECK_EQ(AttrOutSize(8), 96u);
  CHECK_EQ(AttrOutSize(9), 104u);
  CHECK_EQ(EntryOutSize(8), 120u);
  CHECK_EQ(EntryOutSize(9), 128u);
  CHECK_EQ(StatFsOutSize(3), 48u);
  CHECK_EQ(StatFsOutSize(4), 80u);
}

}  // namespace
}  // namespace fusebay::fuse::test
