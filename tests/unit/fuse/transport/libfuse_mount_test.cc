// The mount through libfuse, and that nothing of libfuse is left behind it.
#include <poll.h>

#include "fuse/transport/mount.h"
#include "mount_fixture.h"

namespace fusebay::fuse::test {
namespace {

TEST(MountStaysWhenLibfuseIsDone) {
  RequireMounts();
  const TemporaryMountpoints place;
  auto device = MountWithLibfuse("fsname=a,subtype=fusebay,ro", place.file);
  CHECK_OK(device);
  CHECK_EQ(TopMount(place.file).source, "a");
  pollfd ready{device->get(), POLLIN, 0};
  CHECK_EQ(::poll(&ready, 1, 0), 1);
  CHECK((ready.revents & POLLIN) != 0);  // INIT waits
}

TEST(NoDescriptorIsLeft) {
  RequireMounts();
  const TemporaryMountpoints place;
  const UniqueFd before(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int lowest = before.get() + 1;
  {
    auto device = MountWithLibfuse("fsname=a,subtype=fusebay", place.file);
    CHECK_OK(device);
  }
  const UniqueFd after(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  CHECK_EQ(after.get(), lowest);
}

TEST(UnknownOptionIsASetUpFailure) {
  CHECK_MESSAGE(MountWithLibfuse("no_such_option", "/tmp"),
                "Failed to set up FUSE session: '/tmp': fuse: unknown option");
}

TEST(MissingMountpointIsAMountFailure) {
  RequireMounts();
  CHECK_MESSAGE(MountWithLibfuse("fsname=a", "/nowhere/image"),
                "Failed to mount FUSE session to export: '/nowhere/image': fuse: ");
}

TEST(WhatTheKernelRefusesIsAMountFailure) {
  RequireMounts();
  const TemporaryMountpoints place;
  const std::string too_long(5000, 'x');
  CHECK_MESSAGE(MountWithLibfuse("fsname=" + too_long, place.file), "Failed to mount FUSE session");
  CHECK_EQ(TopMount(place.file).type, "");
}

}  // namespace
}  // namespace fusebay::fuse::test
