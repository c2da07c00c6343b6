// The list of drivers: complete, and each found by its name.
#include <set>

#include "block/block_driver.h"
#include "block_fixture.h"

namespace fusebay::test {

TEST(EveryDriverIsFoundByItsName) {
  for (const BlockDriver* const driver : BlockDrivers()) {
    CHECK(FindDriver(driver->name) == driver);
    CHECK(driver->open != nullptr);
  }
  CHECK(FindDriver("nope") == nullptr);
}

TEST(AllDriversAreListed) {
  std::set<std::string> names;
  for (const BlockDriver* const driver : BlockDrivers()) {
    names.emplace(driver->name);
  }
  const std::set<std::string> expected{"compress", "file",  "host_device", "memory",
                                       "null-co",  "qcow2", "raw"};
  CHECK(names == expected);
}

TEST(OnlyAFormatIsProbed) {
  for (const BlockDriver* const driver : BlockDrivers()) {
    CHECK_EQ(driver->probe != nullptr, driver->name == "qcow2");
  }
}

}  // namespace fusebay::test
