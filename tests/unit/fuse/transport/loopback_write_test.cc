// What may be written to a loopback device.
#include <string_view>

#include "raw_fixture.h"

namespace fusebay::fuse::test {
namespace {

const std::vector<std::byte> kEight(8);

TEST(ReplyReachesItsCaller) {
  RawFixture f;
  f.MountAndInit();
  Begun& call = f.Begin(abi::Opcode::kGetAttr);
  CHECK_EQ(f.Reply(f.Read(), 0, kEight), 24);
  CHECK(call.done);
  CHECK_EQ(call.call.error, 0);
  CHECK_EQ(call.call.out_size, 8u);
}

TEST(ErrorReachesItsCaller) {
  RawFixture f;
  f.MountAndInit();
  Begun& call = f.Begin(abi::Opcode::kGetAttr);
  CHECK_EQ(f.Reply(f.Read(), -ENOSPC), 16);
  CHECK_EQ(call.call.error, -ENOSPC);
}

TEST(LengthMustBeThatOfTheWrite) {
  RawFixture f;
  f.MountAndInit();
  Begun& call = f.Begin(abi::Opcode::kGetAttr);
  const RawRequest request = f.Read();
  CHECK_EQ(f.Write(request.header().unique, 0, kEight, 23), -EINVAL);
  CHECK_EQ(f.Write(request.header().unique, 0, kEight, 15), -EINVAL);
  CHECK_EQ(f.Write(request.header().unique, 0, kEight, 1u << 31), -EINVAL);
  CHECK(!call.done);
  CHECK_EQ(f.Reply(request, 0, kEight), 24);
}

TEST(HalfAHeaderIsRefused) {
  RawFixture f;
  f.MountAndInit();
  const iovec half{const_cast<std::byte*>(kEight.data()), 8};
  CHECK_EQ(f.device->Write({&half, 1}), -EINVAL);
  CHECK_EQ(f.kernel.counts().refused_replies, 1u);
}

TEST(UnknownUniqueIsEnoentAndTheNextReplyIsTaken) {
  RawFixture f;
  f.MountAndInit();
  Begun& call = f.Begin(abi::Opcode::kGetAttr);
  const RawRequest request = f.Read();
  CHECK_EQ(f.Write(0x1000, 0), -ENOENT);
  f.Reply(request, 0);
  CHECK(call.done);
}

TEST(ReplyIsTakenOnce) {
  RawFixture f;
  f.MountAndInit();
  f.Begin(abi::Opcode::kGetAttr);
  const RawRequest request = f.Read();
  f.Reply(request, 0);
  CHECK_EQ(f.Reply(request, 0), -ENOENT);
}

TEST(ErrorsOfTheKernelItselfAreRefused) {
  RawFixture f;
  f.MountAndInit();
  Begun& call = f.Begin(abi::Opcode::kGetAttr);
  const RawRequest request = f.Read();
  CHECK_EQ(f.Reply(request, 1), -EINVAL);
  CHECK_EQ(f.Reply(request, -512), -EINVAL);
  CHECK(!call.done);
  CHECK_EQ(f.Reply(request, -511), 16);
}

TEST(ErrorWithDataEndsTheCallWithEio) {
  RawFixture f;
  f.MountAndInit();
  Begun& call = f.Begin(abi::Opcode::kGetAttr);
  CHECK_EQ(f.Reply(f.Read(), -ENOSPC, kEight), -EINVAL);
  CHECK_EQ(call.call.error, -EIO);
}

TEST(TooLongAReplyEndsTheCallWithEio) {
  RawFixture f;
  f.MountAndInit();
  Begun& call = f.Begin(abi::Opcode::kGetAttr, {}, 4);
  CHECK_EQ(f.Reply(f.Read(), 0, kEight), -EINVAL);
  CHECK_EQ(call.call.error, -EIO);
}

TEST(ReplyOfFixedSizeMayNotBeShort) {
  RawFixture f;
  f.MountAndInit();
  Begun& call = f.Begin(abi::Opcode::kWrite, {}, 16);
  call.call.variable_reply = false;
  CHECK_EQ(f.Reply(f.Read(), 0, kEight), -EINVAL);
  CHECK_EQ(call.call.error, -EIO);
}

TEST(AnswerToAnInterruptHasNoData) {
  RawFixture f;
  f.MountAndInit();
  f.Begin(abi::Opcode::kSetLkw);
  f.kernel.Interrupt(f.Read().header().unique);
  CHECK_EQ(f.Reply(f.Read(), -EAGAIN, kEight), -EINVAL);
}

ssize_t Notify(RawFixture& f, abi::NotifyCode code, ByteSpan args, std::string_view name = {}) {
  std::vector<std::byte> body(args.begin(), args.end());
  for (const char c : name) {
    body.push_back(static_cast<std::byte>(c));
  }
  return f.Write(0, static_cast<std::int32_t>(code), body);
}

TEST(NotificationsAreRecorded) {
  RawFixture f;
  f.MountAndInit();
  const abi::NotifyInvalInodeOut inode{1, 0, 0};
  const abi::NotifyInvalEntryOut entry{1, 3, 0};
  CHECK(Notify(f, abi::NotifyCode::kInvalInode, BytesOf(inode)) > 0);
  CHECK(Notify(f, abi::NotifyCode::kInvalEntry, BytesOf(entry), {"abc", 4}) > 0);
  CHECK_EQ(f.kernel.notifications().size(), 2u);
}

TEST(BadNotificationsAreRefused) {
  RawFixture f;
  f.MountAndInit();
  const abi::NotifyInvalEntryOut entry{1, 3, 0};
  const abi::NotifyInvalEntryOut long_name{1, 256, 0};
  CHECK_EQ(Notify(f, abi::NotifyCode::kInvalInode, kEight), -EINVAL);
  CHECK_EQ(Notify(f, abi::NotifyCode::kInvalEntry, BytesOf(entry), "abc"), -EINVAL);
  CHECK_EQ(Notify(f, abi::NotifyCode::kInvalEntry, BytesOf(long_name), "abc"), -ENAMETOOLONG);
  CHECK_EQ(Notify(f, static_cast<abi::NotifyCode>(77), {}), -EINVAL);
  CHECK(f.kernel.notifications().empty());
}

TEST(NotificationOfAnUnknownNodeIsWhatTheTestSays) {
  RawFixture f;
  f.MountAndInit();
  f.kernel.OnNotify([](const LoopbackNotification&) { return -ENOENT; });
  CHECK_EQ(Notify(f, abi::NotifyCode::kResend, {}), -ENOENT);
}

TEST(ResendQueuesUnansweredRequestsAgain) {
  RawFixture f;
  f.MountAndInit();
  Begun& call = f.Begin(abi::Opcode::kGetAttr);
  const RawRequest first = f.Read();
  CHECK(Notify(f, abi::NotifyCode::kResend, {}) > 0);
  const RawRequest again = f.Read();
  CHECK_EQ(again.header().unique, first.header().unique | abi::kUniqueResend);
  CHECK_EQ(f.Reply(first, 0), -ENOENT);
  f.Reply(again, 0);
  CHECK(call.done);
}

TEST(FailedReplyLeavesTheCallWaiting) {
  LoopbackFaults faults;
  faults.reply_failures = 1000;
  RawFixture f({}, faults);
  f.Mount();
  Begun& init = f.BeginInit();
  CHECK_EQ(f.Reply(f.Read(), 0), -ENOMEM);
  CHECK(!init.done);
}

}  // namespace
}  // namespace fusebay::fuse::test
