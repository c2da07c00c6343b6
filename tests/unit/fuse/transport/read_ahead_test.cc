// Setting how far the kernel reads ahead.
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "check.h"
#include "fuse/mount_table.h"
#include "mount_fixture.h"

namespace fusebay::fuse::test {
namespace {

MountEntry Entry() {
  MountEntry entry;
  entry.device_minor = 57;
  return entry;
}

TEST(ReadAheadOfTheMountsDeviceIsSet) {
  const TemporaryMountpoints place;
  const std::string device = place.folder + "/class/bdi/0:57";
  std::filesystem::create_directories(device);
  std::ofstream(device + "/read_ahead_kb") << "128\n";
  CHECK_OK(SetReadAhead(Entry(), 1u << 20, place.folder));
  std::string now;
  std::ifstream(device + "/read_ahead_kb") >> now;
  CHECK_EQ(now, "1024");
  std::filesystem::remove_all(place.folder + "/class");
}

TEST(ADeviceThatIsNotThereIsAnError) {
  CHECK_ERRNO(SetReadAhead(Entry(), 1u << 20, "/nowhere/sys"), ENOENT);
}

}  // namespace
}  // namespace fusebay::fuse::test
