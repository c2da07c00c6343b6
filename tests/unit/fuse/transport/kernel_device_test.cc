// /dev/fuse itself, as far as it can be used without a server.
#include "fuse/transport/kernel_device.h"

#include "fuse/abi.h"
#include "fuse/transport/mount.h"
#include "mount_fixture.h"

namespace fusebay::fuse::test {
namespace {

ssize_t ReadSome(FuseDevice& device, std::size_t size = 1u << 20) {
  std::vector<std::byte> buffer(size);
  return device.Read(buffer.data(), size);
}

ssize_t ReplyTo(FuseDevice& device, std::uint64_t unique) {
  abi::OutHeader header{sizeof header, -EIO, unique};
  const iovec piece{&header, sizeof header};
  return device.Write({&piece, 1});
}

class Mounted {
 public:
  Mounted() : mount_(Options(place_.file)) { CHECK_OK(mount_.Mount()); }
  int fd() const { return mount_.fd(); }

 private:
  static MountOptions Options(const std::string& mountpoint) {
    MountOptions options;
    options.mountpoint = mountpoint;
    options.fsname = "test";
    return options;
  }
  TemporaryMountpoints place_;
  FuseMount mount_;
};

TEST(DeviceWithoutSessionIsNotPermitted) {
  RequireMounts();
  KernelDevice device(UniqueFd(::open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK)));
  CHECK_EQ(ReadSome(device), -EPERM);
  CHECK_EQ(ReplyTo(device, 2), -EPERM);
}

TEST(OnlySessionsCanBeCloned) {
  RequireMounts();
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  CHECK_MESSAGE(CloneDevice(null.get()), "cannot clone /dev/fuse: Invalid argument");
}

TEST(ClosedDescriptorCannotBeCopied) {
  CHECK_MESSAGE(DuplicateDevice(-1), "Failed to set up FUSE session");
}

TEST(CloneReadsTheSameQueue) {
  RequireMounts();
  const Mounted mounted;
  auto clone = CloneDevice(mounted.fd());
  CHECK_OK(clone);
  CHECK(ReadSome(**clone) > 0);  // INIT
  CHECK_EQ(ReadSome(**clone), -EAGAIN);
}

TEST(TooSmallABufferIsRefused) {
  RequireMounts();
  const Mounted mounted;
  auto device = DuplicateDevice(mounted.fd());
  CHECK_OK(device);
  CHECK_EQ(ReadSome(**device, abi::kMinReadBuffer - 1), -EINVAL);
}

TEST(ReplyToNobodyIsEnoent) {
  RequireMounts();
  const Mounted mounted;
  auto device = DuplicateDevice(mounted.fd());
  CHECK_OK(device);
  CHECK_EQ(ReplyTo(**device, 0x1000), -ENOENT);
}

}  // namespace
}  // namespace fusebay::fuse::test
