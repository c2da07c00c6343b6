// Tables that many L1 entries refer to are one.
#include "qcow2/table_uses.h"

#include "check.h"

namespace fusebay::qcow2 {
namespace {

TEST(TablesAreSortedAndJoined) {
  TableUses uses;
  uses.Add(0x30000, false, 7);
  uses.Add(0x20000, true, 5);
  uses.Add(0x30000, true, 9);
  CHECK(uses.Finish());
  CHECK_EQ(uses.tables().size(), 2u);
  CHECK_EQ(uses.tables()[0].offset, 0x20000u);
  CHECK_EQ(uses.tables()[1].uses, 2u);
  CHECK_EQ(uses.tables()[1].active_uses, 1u);
  CHECK_EQ(uses.tables()[1].guest_offset, 7u);
}

TEST(ManyUsesOfOneTableTakeLittleMemory) {
  TableUses uses;
  for (std::uint64_t i = 0; i < 1'000'000; ++i) {
    uses.Add(0x10000, false, i);
  }
  CHECK(uses.Finish());
  CHECK_EQ(uses.tables().size(), 1u);
  CHECK_EQ(uses.tables()[0].uses, 1'000'000u);
}

}  // namespace
}  // namespace fusebay::qcow2
