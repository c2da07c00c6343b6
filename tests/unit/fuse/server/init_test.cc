// INIT and DESTROY.
#include <unistd.h>

#include "fake_kernel.h"

namespace fusebay::fuse::test {
namespace {

using abi::Opcode;

constexpr KernelSetup kNew{.init = false};

abi::InitOut InitWith(const KernelSetup& setup) {
  FakeKernel kernel(setup);
  return kernel.Init(setup.minor, setup.flags).Prefix<abi::InitOut>();
}

std::uint64_t Flags(const abi::InitOut& out) { return out.flags | std::uint64_t{out.flags2} << 32; }

TEST(InitReplyHasTheSizeOfItsMinor) {
  for (std::uint32_t minor = 0; minor <= 46; ++minor) {
    FakeKernel kernel(kNew);
    const Reply reply = kernel.Init(minor);
    const std::size_t expected = minor < 5 ? 8 : minor < 23 ? 24 : 64;
    CHECK_EQ(reply.error, 0);
    CHECK_EQ(reply.bytes.size(), expected);
    CHECK_EQ(reply.Prefix<abi::InitOut>().major, 7u);
    CHECK_EQ(reply.Prefix<abi::InitOut>().minor, 45u);
    const std::uint32_t in_force = minor < 45 ? minor : 45;
    CHECK_EQ(kernel.negotiated->minor, in_force);
  }
}

TEST(InitOfAnOlderMajorIsRefused) {
  FakeKernel kernel(kNew);
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kInit).Args(abi::InitIn{.major = 6, .minor = 40})),
           EPROTO);
  CHECK(!kernel.server().initialized());
}

TEST(InitOfANewerMajorIsAskedToComeAgain) {
  FakeKernel kernel(kNew);
  const Reply reply = kernel.Ask(Message(Opcode::kInit).Args(abi::InitIn{.major = 8, .minor = 1}));
  CHECK_EQ(reply.As<abi::InitOut>().major, 7u);
  CHECK_EQ(reply.As<abi::InitOut>().minor, 45u);
  CHECK_EQ(reply.As<abi::InitOut>().max_write, 0u);
  CHECK(!kernel.server().initialized());
  CHECK_EQ(kernel.Init(45).error, 0);
  CHECK(kernel.server().initialized());
}

TEST(InitTellsFilesystemAndTransport) {
  FakeKernel kernel(kNew);
  kernel.Init(31);
  CHECK_EQ(kernel.fs.TakeLog(), "Init 7.31\n");
  CHECK_EQ(kernel.negotiated->minor, 31u);
}

TEST(InitMayBeLongerThanWeKnow) {
  FakeKernel kernel(kNew);
  const abi::InitIn in{.major = 7, .minor = 99};
  CHECK_EQ(kernel.Ask(Message(Opcode::kInit).Args(in).Raw("what will come next")).error, 0);
  CHECK_EQ(kernel.negotiated->minor, 45u);
}

TEST(InitIsRefusedWhenTooShort) {
  FakeKernel kernel(kNew);
  const abi::InitIn in{.major = 7, .minor = 31};
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kInit).Args(in, 4)), EINVAL);
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kInit).Args(in, 8)), EINVAL);
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kInit).Args(in, 16)), 0);
}

TEST(InitExtWithoutItsSecondHalfIsTolerated) {
  FakeKernel kernel({.init = false, .options = {.want = abi::kInitHasResend}});
  const abi::InitIn in{.major = 7, .minor = 38, .max_readahead = 0, .flags = 0xffff'ffff};
  const Reply reply = kernel.Ask(Message(Opcode::kInit).Args(in, 16));
  CHECK_EQ(reply.error, 0);
  CHECK_EQ(Flags(reply.As<abi::InitOut>()) >> 30, 0u);
}

TEST(SecondHalfCountsOnlyWithInitExt) {
  const KernelSetup setup{.init = false, .options = {.want = abi::kInitHasResend}};
  CHECK_EQ(Flags(InitWith(setup)) >> 32, abi::kInitHasResend >> 32);
  FakeKernel kernel(setup);
  const Reply reply = kernel.Init(45, ~abi::kInitExt);
  CHECK_EQ(reply.As<abi::InitOut>().flags2, 0u);
}

TEST(GrantsWhatIsWantedAndWhatTheServerNeeds) {
  const abi::InitOut out =
      InitWith({.init = false, .options = {.want = abi::kInitFlockLocks | abi::kInitPosixLocks}});
  CHECK_EQ(Flags(out), abi::kInitFlockLocks | abi::kInitPosixLocks | abi::kInitAsyncRead |
                           abi::kInitBigWrites | abi::kInitParallelDirOps | abi::kInitAsyncDio |
                           abi::kInitMaxPages | abi::kInitExplicitInvalData |
                           abi::kInitSetXattrExt | abi::kInitExt);
}

TEST(GrantsNothingThatIsNotOffered) {
  const abi::InitOut out = InitWith(
      {.flags = abi::kInitBigWrites, .init = false, .options = {.want = ~std::uint64_t{0}}});
  CHECK_EQ(Flags(out), abi::kInitBigWrites);
}

TEST(NeverGrantsWhatNobodyServes) {
  const abi::InitOut out = InitWith({.init = false, .options = {.want = ~std::uint64_t{0}}});
  CHECK_EQ(Flags(out) & (abi::kInitAutoInvalData | abi::kInitSecurityCtx |
                         abi::kInitCreateSuppGroup | abi::kInitReserved),
           0u);
}

TEST(GrantsNoAtomicTruncateUnasked) {
  CHECK_EQ(Flags(InitWith(kNew)) & abi::kInitAtomicOTrunc, 0u);
}

TEST(GrantsPassthroughWithItsDepth) {
  const KernelSetup setup{.init = false,
                          .options = {.want = abi::kInitPassthrough, .max_stack_depth = 1}};
  CHECK((Flags(InitWith(setup)) & abi::kInitPassthrough) != 0);
  CHECK_EQ(InitWith(setup).max_stack_depth, 1u);
}

TEST(RefusesPassthroughThatTheKernelWould) {
  const KernelSetup flat{.init = false, .options = {.want = abi::kInitPassthrough}};
  CHECK_EQ(Flags(InitWith(flat)) & abi::kInitPassthrough, 0u);
  const KernelSetup writeback{
      .init = false,
      .options = {.want = abi::kInitPassthrough | abi::kInitWritebackCache, .max_stack_depth = 1}};
  CHECK_EQ(Flags(InitWith(writeback)) & abi::kInitPassthrough, 0u);
}

TEST(MapAlignmentIsSetWithDax) {
  const abi::InitOut out = InitWith({.init = false, .options = {.want = abi::kInitMapAlignment}});
  CHECK_EQ(out.map_alignment, 12);
  CHECK_EQ(InitWith(kNew).map_alignment, 0);
}

TEST(MaxWriteIsOneMebibyteWhereTheTransportHasRoom) {
  const abi::InitOut out = InitWith({.init = false, .max_payload = 4 << 20});
  CHECK_EQ(out.max_write, 1u << 20);
  CHECK_EQ(out.max_pages * sysconf(_SC_PAGESIZE), 1 << 20);
}

TEST(MaxWriteIsBoundedByTheTransport) {
  const abi::InitOut out = InitWith({.init = false, .max_payload = 65536});
  CHECK_EQ(out.max_write, 65536u);
  CHECK_EQ(out.max_pages * sysconf(_SC_PAGESIZE), 65536);
}

TEST(MaxWriteWithoutMaxPagesIsThirtyTwoPages) {
  const abi::InitOut out =
      InitWith({.flags = abi::kInitBigWrites, .init = false, .max_payload = 1 << 20});
  CHECK_EQ(out.max_write, 32u * static_cast<std::uint32_t>(sysconf(_SC_PAGESIZE)));
  CHECK_EQ(out.max_pages, 0);
}

TEST(MaxWriteWithoutBigWritesIsFourKibibytes) {
  CHECK_EQ(InitWith({.flags = 0, .init = false}).max_write, 4096u);
}

TEST(LimitsAreThoseOfTheOptions) {
  FakeKernel kernel(
      {.init = false,
       .options = {.max_readahead = 100'000, .max_background = 100, .time_granularity_ns = 1000}});
  const auto out = kernel.Init(45, 0, 200'000).As<abi::InitOut>();
  CHECK_EQ(out.max_readahead, 100'000u);
  CHECK_EQ(out.max_background, 100);
  CHECK_EQ(out.congestion_threshold, 75);
  CHECK_EQ(out.time_granularity_ns, 1000u);
}

TEST(ReadaheadIsNeverMoreThanTheKernels) {
  FakeKernel kernel(kNew);
  CHECK_EQ(kernel.Init(45, 0, 4096).As<abi::InitOut>().max_readahead, 4096u);
}

TEST(RequestsBeforeInitAreRefused) {
  FakeKernel kernel(kNew);
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kStatFs)), EIO);
  CHECK_EQ(kernel.ErrorOf(Message(1234u)), EIO);
  CHECK(!kernel.Ask(Message(Opcode::kForget).Args(abi::ForgetIn{1})).came);
  CHECK_EQ(kernel.fs.TakeLog(), "");
}

TEST(SecondInitIsRefused) {
  FakeKernel kernel;
  CHECK_EQ(kernel.Init(45).error, -EIO);
  CHECK(kernel.server().initialized());
}

TEST(DestroyIsAnsweredAndEndsTheSession) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kDestroy)), 0);
  CHECK_EQ(kernel.fs.TakeLog(), "Destroy\n");
  CHECK(!kernel.server().initialized());
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kStatFs)), EIO);
}

TEST(ClientMayComeBackAfterDestroy) {
  FakeKernel kernel;
  kernel.Ask(Message(Opcode::kDestroy));
  CHECK_EQ(kernel.Init(31).error, 0);
  CHECK_EQ(kernel.fs.TakeLog(), "Destroy\nInit 7.31\n");
}

TEST(ClientMayNotComeBackWhileItsEarlierLifeIsServed) {
  FakeKernel kernel;
  kernel.fs.waiting = true;
  kernel.Send(Message(Opcode::kRead).Args(abi::ReadIn{.size = 1}));
  kernel.Ask(Message(Opcode::kDestroy));
  CHECK_EQ(kernel.Init(31).error, -EIO);
  kernel.fs.LetGo();
  kernel.Run();
  CHECK_EQ(kernel.Init(31).error, 0);
}

}  // namespace
}  // namespace fusebay::fuse::test
