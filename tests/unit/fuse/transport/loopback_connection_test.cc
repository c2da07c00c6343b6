// INIT, back-pressure and interrupts of the loopback kernel.
#include "fuse/transport/loopback_connection.h"

#include "raw_fixture.h"

namespace fusebay::fuse::test {
namespace {

TEST(RequestsWaitForInit) {
  RawFixture f;
  f.Mount();
  Begun& early = f.Begin(abi::Opcode::kGetAttr);
  CHECK_EQ(f.Read().result, -EAGAIN);
  f.BeginInit();
  const RawRequest init = f.Read();
  CHECK_EQ(init.opcode(), abi::Opcode::kInit);
  CHECK_EQ(f.Read().result, -EAGAIN);
  f.Reply(init, 0, BytesOf(RawFixture::GoodInit()));
  CHECK_EQ(f.Read().opcode(), abi::Opcode::kGetAttr);
  CHECK(!early.done);
}

TEST(StrangeVersionRefusesEverything) {
  RawFixture f;
  f.Mount();
  Begun& early = f.Begin(abi::Opcode::kGetAttr);
  f.BeginInit();
  abi::InitOut reply = RawFixture::GoodInit();
  reply.major = 6;
  f.Reply(f.Read(), 0, BytesOf(reply));
  CHECK_EQ(early.call.error, -ECONNREFUSED);
  CHECK_EQ(f.Begin(abi::Opcode::kGetAttr).call.error, -ECONNREFUSED);
}

TEST(InitErrorRefusesEverything) {
  RawFixture f;
  f.Mount();
  f.BeginInit();
  f.Reply(f.Read(), -EPROTO);
  CHECK(f.kernel.settled().refused);
}

TEST(ShortInitReplyIsForOldProtocolsOnly) {
  for (const std::uint32_t minor : {4u, 5u}) {
    RawFixture f;
    f.Mount();
    f.BeginInit();
    abi::InitOut reply = RawFixture::GoodInit();
    reply.minor = minor;
    f.Reply(f.Read(), 0, BytesOf(reply).first(abi::kInitOutVersionBytes));
    CHECK_EQ(f.kernel.settled().refused, minor == 5);
  }
}

TEST(NewerKernelBeginsAgainWithTheServersVersion) {
  RawFixture f;
  f.Mount();
  f.BeginInit(8);
  f.Reply(f.Read(), 0, BytesOf(RawFixture::GoodInit()));
  CHECK(!f.kernel.settled().initialized);
  f.BeginInit(7);
  f.Reply(f.Read(), 0, BytesOf(RawFixture::GoodInit()));
  CHECK(f.kernel.settled().initialized);
}

TEST(InitLimitsAreKeptInBounds) {
  LoopbackOptions options;
  options.privileged = false;
  options.max_user_background = 20;
  options.max_pages_limit = 64;
  RawFixture f(options);
  abi::InitOut reply = RawFixture::GoodInit();
  reply.max_write = 1;
  reply.max_background = 500;
  reply.congestion_threshold = 400;
  f.MountAndInit(reply);
  const LoopbackSettled settled = f.kernel.settled();
  CHECK_EQ(settled.max_write, 4096u);
  CHECK_EQ(settled.max_background, 20);
  CHECK_EQ(settled.congestion_threshold, 20);
  CHECK_EQ(settled.max_pages, 64);
}

TEST(BackgroundDefaultsAreLinuxs) {
  RawFixture f;
  f.MountAndInit();
  CHECK_EQ(f.kernel.settled().max_background, 12);
  CHECK_EQ(f.kernel.settled().congestion_threshold, 9);
}

TEST(BackgroundCallersBeyondTheLimitWait) {
  RawFixture f;
  abi::InitOut reply = RawFixture::GoodInit();
  reply.max_background = 2;
  f.MountAndInit(reply);
  for (int i = 0; i < 3; ++i) {
    f.Begin(abi::Opcode::kRead, {}, 4096, true);
  }
  const RawRequest first = f.Read();
  CHECK(f.Read().result > 0);
  CHECK_EQ(f.Read().result, -EAGAIN);
  f.Begin(abi::Opcode::kGetAttr);
  CHECK_EQ(f.Read().opcode(), abi::Opcode::kGetAttr);  // no background request
  f.Reply(first, 0);
  CHECK_EQ(f.Read().opcode(), abi::Opcode::kRead);
}

TEST(RequestWithoutReplyFreesItsPlaceWhenRead) {
  RawFixture f;
  abi::InitOut reply = RawFixture::GoodInit();
  reply.max_background = 1;
  f.MountAndInit(reply);
  Begun& silent = f.Begin(abi::Opcode::kNotifyReply, {}, 0, true, true);
  f.Begin(abi::Opcode::kRead, {}, 4096, true);
  CHECK_EQ(f.Read().opcode(), abi::Opcode::kNotifyReply);
  f.Turn();
  CHECK(silent.done);
  CHECK_EQ(f.Read().opcode(), abi::Opcode::kRead);
}

TEST(InterruptNamesTheRequestAndComesFirst) {
  RawFixture f;
  f.MountAndInit();
  f.Begin(abi::Opcode::kSetLkw);
  const RawRequest request = f.Read();
  f.Begin(abi::Opcode::kGetAttr);
  f.kernel.Interrupt(request.header().unique);
  const RawRequest interrupt = f.Read();
  CHECK_EQ(interrupt.opcode(), abi::Opcode::kInterrupt);
  CHECK_EQ(interrupt.header().unique, request.header().unique | abi::kUniqueInterrupt);
  CHECK_EQ(interrupt.Args<abi::InterruptIn>().unique, request.header().unique);
  CHECK_EQ(f.Read().opcode(), abi::Opcode::kGetAttr);
}

TEST(InterruptOfAnUnreadRequestFollowsIt) {
  RawFixture f;
  f.MountAndInit();
  f.Begin(abi::Opcode::kSetLkw);
  f.kernel.Interrupt(f.kernel.last_unique());
  CHECK_EQ(f.Read().opcode(), abi::Opcode::kSetLkw);
  CHECK_EQ(f.Read().opcode(), abi::Opcode::kInterrupt);
}

TEST(FatalSignalTakesAnUnreadRequestBack) {
  RawFixture f;
  f.MountAndInit();
  Begun& call = f.Begin(abi::Opcode::kSetLkw);
  f.kernel.Interrupt(f.kernel.last_unique(), true);
  f.Turn();
  CHECK_EQ(call.call.error, -EINTR);
  CHECK_EQ(f.Read().result, -EAGAIN);
}

TEST(AnsweredRequestTakesItsInterruptAlong) {
  RawFixture f;
  f.MountAndInit();
  f.Begin(abi::Opcode::kSetLkw);
  const RawRequest request = f.Read();
  f.kernel.Interrupt(request.header().unique);
  f.Reply(request, 0);
  CHECK_EQ(f.Read().result, -EAGAIN);
}

TEST(InterruptAnsweredWithEagainComesAgain) {
  RawFixture f;
  f.MountAndInit();
  f.Begin(abi::Opcode::kSetLkw);
  f.kernel.Interrupt(f.Read().header().unique);
  const RawRequest interrupt = f.Read();
  CHECK_EQ(f.Reply(interrupt, -EAGAIN), 16);
  CHECK_EQ(f.Read().opcode(), abi::Opcode::kInterrupt);
}

TEST(InterruptAnsweredWithEnosysIsTheLast) {
  RawFixture f;
  f.MountAndInit();
  f.Begin(abi::Opcode::kSetLkw);
  const RawRequest request = f.Read();
  f.kernel.Interrupt(request.header().unique);
  CHECK_EQ(f.Reply(f.Read(), -ENOSYS), 16);
  CHECK(f.kernel.interrupts_disabled());
  f.kernel.Interrupt(request.header().unique);
  CHECK_EQ(f.Read().result, -EAGAIN);
}

TEST(AbortAtARequestEndsIt) {
  LoopbackFaults faults;
  faults.abort_at_request = 2;  // the first is INIT
  RawFixture f({}, faults);
  f.MountAndInit();
  Begun& call = f.Begin(abi::Opcode::kGetAttr);
  CHECK(f.Read().result > 0);
  f.Turn();
  CHECK_EQ(call.call.error, -ECONNABORTED);
}

TEST(FaultsComeByChance) {
  LoopbackFaults faults;
  faults.seed = ::fusebay::test::Seed();
  faults.interrupts = 1000;
  faults.read_eintr = 500;
  RawFixture f({}, faults);
  f.Mount();
  f.BeginInit();
  ssize_t result = -EINTR;
  while (result == -EINTR) {
    result = f.Read().result;
  }
  CHECK(result > 0);
  while (result != 48) {
    result = f.Read().result;
    CHECK(result == 48 || result == -EINTR);
  }
}

}  // namespace
}  // namespace fusebay::fuse::test
