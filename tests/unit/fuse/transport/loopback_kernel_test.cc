// Devices before, during and after a session of the loopback kernel.
#include "fuse/loopback.h"

#include "raw_fixture.h"

namespace fusebay::fuse::test {
namespace {

TEST(UnmountedDeviceRefusesEverything) {
  RawFixture f;
  CHECK_EQ(f.Read().result, -EPERM);
  CHECK_EQ(f.Write(2, 0), -EPERM);
  CHECK_EQ(f.device->poll_fd(), -1);
}

TEST(MountedDeviceCannotBeMountedAgain) {
  RawFixture f;
  f.Mount();
  f.kernel.Unmount();
  CHECK_ERRNO(f.kernel.Mount(*f.device), EINVAL);
}

TEST(CloneNeedsAFreshDeviceAndASession) {
  RawFixture f;
  const auto other = f.kernel.OpenDevice();
  CHECK_ERRNO(f.kernel.Clone(*other, *f.device), EINVAL);
  f.Mount();
  CHECK_OK(f.kernel.Clone(*other, *f.device));
  CHECK_ERRNO(f.kernel.Clone(*other, *f.device), EINVAL);
}

TEST(ReplyMustComeThroughTheDeviceThatRead) {
  RawFixture f;
  f.MountAndInit();
  const auto other = f.kernel.OpenDevice();
  CHECK_OK(f.kernel.Clone(*other, *f.device));
  Begun& call = f.Begin(abi::Opcode::kGetAttr);
  const RawRequest request = f.ReadFrom(*other);
  CHECK_EQ(f.Reply(request, 0), -ENOENT);
  CHECK(!call.done);
}

TEST(UnmountEndsReadersAndWaiters) {
  RawFixture f;
  f.MountAndInit();
  Begun& unread = f.Begin(abi::Opcode::kGetAttr);
  Begun& read = f.Begin(abi::Opcode::kGetAttr);
  const RawRequest request = f.Read();
  f.kernel.Unmount();
  f.Turn();
  CHECK_EQ(unread.call.error, -ECONNABORTED);
  CHECK_EQ(read.call.error, -ECONNABORTED);
  CHECK_EQ(f.Read().result, -ENODEV);
  CHECK(f.Readable());
  CHECK_EQ(f.Reply(request, 0), -ENOENT);
}

TEST(CallWithoutSessionIsNotConnected) {
  RawFixture f;
  f.MountAndInit();
  f.kernel.Abort();
  CHECK_EQ(f.Begin(abi::Opcode::kGetAttr).call.error, -ENOTCONN);
  f.kernel.Unmount();
  CHECK_EQ(f.Begin(abi::Opcode::kGetAttr).call.error, -ENOTCONN);
}

TEST(AbortByTheUserShowsWhenNegotiated) {
  RawFixture f;
  abi::InitOut init = RawFixture::GoodInit();
  init.flags |= abi::kInitAbortError;
  f.MountAndInit(init);
  f.kernel.Abort();
  CHECK_EQ(f.Read().result, -ECONNABORTED);
}

TEST(ClosingADeviceEndsWhatItRead) {
  RawFixture f;
  f.MountAndInit();
  auto other = f.kernel.OpenDevice();
  CHECK_OK(f.kernel.Clone(*other, *f.device));
  Begun& mine = f.Begin(abi::Opcode::kGetAttr);
  f.ReadFrom(*other);
  Begun& unread = f.Begin(abi::Opcode::kGetAttr);
  other.reset();
  f.Turn();
  CHECK_EQ(mine.call.error, -ECONNABORTED);
  CHECK(!unread.done);
  CHECK(f.kernel.connected());
}

TEST(ClosingTheLastDeviceEndsTheSession) {
  RawFixture f;
  f.MountAndInit();
  Begun& call = f.Begin(abi::Opcode::kGetAttr);
  f.device.reset();
  f.Turn();
  CHECK_EQ(call.call.error, -ECONNABORTED);
  CHECK(!f.kernel.connected());
}

TEST(SecondMountIsANewSession) {
  RawFixture f;
  f.MountAndInit();
  f.kernel.Unmount();
  const auto old = std::move(f.device);
  f.device = f.kernel.OpenDevice();
  f.MountAndInit();
  CHECK_EQ(f.ReadFrom(*old).result, -ENODEV);
  CHECK_EQ(f.Read().result, -EAGAIN);
}

}  // namespace
}  // namespace fusebay::fuse::test
