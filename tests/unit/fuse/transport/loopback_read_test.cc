// What reads of a loopback device deliver.
#include "raw_fixture.h"

namespace fusebay::fuse::test {
namespace {

TEST(EmptyQueueIsEagainAndNotReadable) {
  RawFixture f;
  f.MountAndInit();
  CHECK_EQ(f.Read().result, -EAGAIN);
  CHECK(!f.Readable());
  f.Begin(abi::Opcode::kGetAttr);
  CHECK(f.Readable());
}

TEST(BufferMustHoldTheLargestWrite) {
  RawFixture f;
  f.Mount();
  CHECK_EQ(f.Read(8191).result, -EINVAL);
  CHECK_EQ(f.Read(8192).result, -EAGAIN);
  RawFixture g;
  g.MountAndInit();
  CHECK_EQ(g.Read(RawFixture::kBuffer - 1).result, -EINVAL);
  CHECK_EQ(g.Read(RawFixture::kBuffer).result, -EAGAIN);
}

TEST(TooLargeARequestIsDropped) {
  RawFixture f;
  abi::InitOut init = RawFixture::GoodInit();
  init.max_write = 4096;
  f.MountAndInit(init);
  const std::vector<std::byte> big(9000);
  Begun& ioctl = f.Begin(abi::Opcode::kIoctl, big);
  Begun& xattr = f.Begin(abi::Opcode::kSetXattr, big);
  f.Begin(abi::Opcode::kGetAttr);
  CHECK_EQ(f.Read(8192).opcode(), abi::Opcode::kGetAttr);
  f.Turn();
  CHECK_EQ(ioctl.call.error, -EIO);
  CHECK_EQ(xattr.call.error, -E2BIG);
  CHECK_EQ(f.kernel.counts().dropped, 2u);
}

TEST(HeaderSaysWhoAsksAndHowMuch) {
  RawFixture f;
  f.MountAndInit();
  const abi::OpenIn args{7, 0};
  f.Begin(abi::Opcode::kOpen, BytesOf(args));
  const RawRequest request = f.Read();
  CHECK_EQ(request.result, 48);
  CHECK_EQ(request.header().length, 48u);
  CHECK_EQ(request.header().nodeid, 1u);
  CHECK_EQ(request.Args<abi::OpenIn>().flags, 7u);
}

TEST(UniqueNumbersAreEvenAndDiffer) {
  RawFixture f;
  f.MountAndInit();
  f.Begin(abi::Opcode::kGetAttr);
  f.Begin(abi::Opcode::kGetAttr);
  const std::uint64_t first = f.Read().header().unique;
  const std::uint64_t second = f.Read().header().unique;
  CHECK_EQ(first % 2, 0u);
  CHECK(first != second);
}

TEST(OneForgetIsSingle) {
  RawFixture f;
  f.MountAndInit();
  f.kernel.Forget(5, 3);
  const RawRequest request = f.Read();
  CHECK_EQ(request.opcode(), abi::Opcode::kForget);
  CHECK_EQ(request.header().nodeid, 5u);
  CHECK_EQ(request.Args<abi::ForgetIn>().lookups, 3u);
}

TEST(SeveralForgetsAreABatch) {
  RawFixture f;
  f.MountAndInit();
  for (std::uint64_t node = 2; node < 5; ++node) {
    f.kernel.Forget(node, 1);
  }
  const RawRequest request = f.Read();
  CHECK_EQ(request.opcode(), abi::Opcode::kBatchForget);
  CHECK_EQ(request.Args<abi::BatchForgetIn>().count, 3u);
  CHECK_EQ(request.result, 40 + 8 + 3 * 16);
}

TEST(OldServersGetNoBatch) {
  RawFixture f;
  abi::InitOut init = RawFixture::GoodInit();
  init.minor = 15;
  f.MountAndInit(init);
  f.kernel.Forget(2, 1);
  f.kernel.Forget(3, 1);
  CHECK_EQ(f.Read().opcode(), abi::Opcode::kForget);
  CHECK_EQ(f.Read().opcode(), abi::Opcode::kForget);
}

TEST(BatchIsAsLargeAsTheBuffer) {
  RawFixture f;
  abi::InitOut init = RawFixture::GoodInit();
  init.max_write = 4096;
  f.MountAndInit(init);
  for (std::uint64_t node = 2; node < 1002; ++node) {
    f.kernel.Forget(node, 1);
  }
  CHECK_EQ(f.Read(8192).Args<abi::BatchForgetIn>().count, (8192u - 48) / 16);
}

TEST(ForgetsAndRequestsTakeTurns) {
  RawFixture f;
  abi::InitOut init = RawFixture::GoodInit();
  init.minor = 15;  // forgets come one by one
  f.MountAndInit(init);
  for (int i = 0; i < 40; ++i) {
    f.kernel.Forget(2, 1);
    f.Begin(abi::Opcode::kGetAttr);
  }
  int forgets = 0;
  int requests = 0;
  for (int i = 0; i < 40; ++i) {
    (f.Read().opcode() == abi::Opcode::kForget ? forgets : requests) += 1;
  }
  CHECK(forgets >= 16);
  CHECK(requests >= 8);
}

TEST(InjectedBytesArriveAsTheyAre) {
  RawFixture f;
  f.MountAndInit();
  const std::vector<std::byte> bytes(3, std::byte{0xab});
  f.kernel.Inject(bytes);
  CHECK(f.Read().bytes == bytes);
}

}  // namespace
}  // namespace fusebay::fuse::test
