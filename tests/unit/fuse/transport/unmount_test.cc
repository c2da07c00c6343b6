// Unmounting entries of the mount table.
#include <cerrno>

#include "mount_fixture.h"

namespace fusebay::fuse::test {
namespace {

void MountTmpfs(const std::string& path) {
  CHECK_EQ(::mount("t", path.c_str(), "tmpfs", 0, nullptr), 0);
}

TEST(EntryIsUnmounted) {
  RequireMounts();
  const TemporaryMountpoints place;
  MountTmpfs(place.folder);
  CHECK_OK(Unmount(TopMount(place.folder), UnmountMode::kBusyFails));
  CHECK_EQ(TopMount(place.folder).type, "");
}

TEST(BusyEntryIsOnlyUnmountedLazily) {
  RequireMounts();
  const TemporaryMountpoints place;
  MountTmpfs(place.folder);
  const UniqueFd busy(::open(place.folder.c_str(), O_RDONLY | O_CLOEXEC));
  const MountEntry entry = TopMount(place.folder);
  CHECK_MESSAGE(Unmount(entry, UnmountMode::kBusyFails), "busy");
  CHECK_OK(Unmount(entry, UnmountMode::kLazy));
  CHECK_EQ(TopMount(place.folder).type, "");
}

TEST(EntryThatIsGoneIsNoError) {
  RequireMounts();
  const TemporaryMountpoints place;
  MountTmpfs(place.folder);
  const MountEntry entry = TopMount(place.folder);
  CHECK_OK(Unmount(entry, UnmountMode::kLazy));
  CHECK_OK(Unmount(entry, UnmountMode::kLazy));
}

TEST(EntryBelowAnotherStays) {
  RequireMounts();
  const TemporaryMountpoints place;
  MountTmpfs(place.folder);
  const MountEntry below = TopMount(place.folder);
  MountTmpfs(place.folder);
  CHECK_MESSAGE(Unmount(below, UnmountMode::kLazy), "something else is mounted over it");
  CHECK_EQ(TopMount(place.folder).type, "tmpfs");
  CHECK(!TopMount(place.folder).IsSameMount(below));
}

}  // namespace
}  // namespace fusebay::fuse::test
