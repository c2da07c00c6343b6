// The requests about open files.
#include <poll.h>

#include "fake_kernel.h"

namespace fusebay::fuse::test {
namespace {

using abi::Opcode;

abi::ReadIn ReadOf(std::uint32_t size) {
  return {.handle = 7,
          .offset = 4096,
          .size = size,
          .read_flags = 0,
          .lock_owner = 9,
          .flags = 1,
          .padding = 0};
}

abi::WriteIn WriteOf(std::uint32_t size, std::uint32_t write_flags = 0) {
  return {.handle = 7,
          .offset = 4096,
          .size = size,
          .write_flags = write_flags,
          .lock_owner = 9,
          .flags = 1,
          .padding = 0};
}

TEST(OpenRepliesHandleFlagsAndBackingId) {
  FakeKernel kernel;
  kernel.fs.opened = {Handle{7}, abi::kFopenKeepCache, 3};
  const Reply reply = kernel.Ask(Message(Opcode::kOpen, 5).Args(abi::OpenIn{2, 0}));
  const auto out = reply.As<abi::OpenOut>();
  CHECK_EQ(kernel.fs.TakeLog(), "Open 5 flags=2\n");
  CHECK_EQ(out.handle, 7u);
  CHECK_EQ(out.open_flags, abi::kFopenKeepCache);
  CHECK_EQ(out.backing_id, 3);
}

TEST(OpenTellsThatPrivilegesMustGo) {
  FakeKernel kernel;
  const abi::OpenIn in{2, abi::kOpenKillSuidGid};
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kOpen, 5).Args(in)), 0);
  CHECK_EQ(kernel.fs.TakeLog(), "Open 5 flags=2 kill\n");
}

TEST(ReleasePassesTheOwnerWhoseFlockGoes) {
  FakeKernel kernel;
  abi::ReleaseIn in{7, 0, 0, 9};
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kRelease, 5).Args(in)), 0);
  in.release_flags = abi::kReleaseFlockUnlock;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kRelease, 5).Args(in)), 0);
  CHECK_EQ(kernel.fs.TakeLog(), "Release 5 7 owner=-\nRelease 5 7 owner=9\n");
}

TEST(ReleaseFlushesWhenAsked) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(
               Message(Opcode::kRelease, 5).Args(abi::ReleaseIn{7, 0, abi::kReleaseFlush, 9})),
           0);
  CHECK_EQ(kernel.fs.TakeLog(), "Flush 5 7 owner=9\nRelease 5 7 owner=-\n");
}

TEST(ReadPutsItsDataIntoTheReply) {
  FakeKernel kernel;
  CHECK_EQ(kernel.Ask(Message(Opcode::kRead, 5).Args(ReadOf(4))).bytes, "0123");
  CHECK_EQ(kernel.fs.TakeLog(), "Read 5 7 offset=4096 size=4 flags=1 owner=-\n");
}

TEST(ReadIsShortAtTheEnd) {
  FakeKernel kernel;
  CHECK_EQ(kernel.Ask(Message(Opcode::kRead, 5).Args(ReadOf(4096))).bytes, "0123456789");
}

TEST(ReadPassesItsLockOwnerWhenItHasOne) {
  FakeKernel kernel;
  abi::ReadIn in = ReadOf(1);
  in.read_flags = abi::kReadLockOwner;
  kernel.Ask(Message(Opcode::kRead, 5).Args(in));
  CHECK_EQ(kernel.fs.TakeLog(), "Read 5 7 offset=4096 size=1 flags=1 owner=9\n");
}

TEST(ReadOfMoreThanAReplyHoldsIsRefused) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kRead, 5).Args(ReadOf(65537))), ENOMEM);
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kRead, 5).Args(ReadOf(65536))), 0);
}

TEST(ReadOfAnOldClientIsShorter) {
  FakeKernel kernel({.minor = 8});
  const Reply reply = kernel.Ask(Message(Opcode::kRead, 5).Args(ReadOf(4), 24));
  CHECK_EQ(reply.bytes, "0123");
  CHECK_EQ(kernel.fs.TakeLog(), "Read 5 7 offset=4096 size=4 flags=0 owner=-\n");
}

TEST(ReadErrorHasNoData) {
  FakeKernel kernel;
  kernel.fs.error = ENOSPC;
  const Reply reply = kernel.Ask(Message(Opcode::kRead, 5).Args(ReadOf(4)));
  CHECK_EQ(reply.error, -ENOSPC);
  CHECK_EQ(reply.bytes, "");
}

TEST(WriteTakesItsDataFromThePayload) {
  FakeKernel kernel;
  const Reply reply = kernel.Ask(Message(Opcode::kWrite, 5).Args(WriteOf(3)).Data("abc"));
  CHECK_EQ(reply.As<abi::WriteOut>().size, 3u);
  CHECK_EQ(kernel.fs.TakeLog(), "Write 5 7 offset=4096 'abc' flags=1 owner=-\n");
}

TEST(WriteFlagsArePassed) {
  FakeKernel kernel;
  const auto all = abi::kWriteCache | abi::kWriteLockOwner | abi::kWriteKillSuidGid;
  kernel.Ask(Message(Opcode::kWrite, 5).Args(WriteOf(1, all)).Data("a"));
  CHECK_EQ(kernel.fs.TakeLog(), "Write 5 7 offset=4096 'a' flags=1 owner=9 cache kill\n");
}

TEST(WriteWhoseSizeIsNotThatOfItsDataIsRefused) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kWrite, 5).Args(WriteOf(4)).Data("abc")), EINVAL);
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kWrite, 5).Args(WriteOf(2)).Data("abc")), EINVAL);
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kWrite, 5).Args(WriteOf(6)).Raw("abc").Data("abc")),
           EINVAL);
  CHECK_EQ(kernel.fs.TakeLog(), "");
}

TEST(WriteOfAnOldClientIsShorter) {
  FakeKernel kernel({.minor = 8});
  kernel.Ask(Message(Opcode::kWrite, 5).Args(WriteOf(3), 24).Data("abc"));
  CHECK_EQ(kernel.fs.TakeLog(), "Write 5 7 offset=4096 'abc' flags=0 owner=-\n");
}

TEST(FlushPassesTheLockOwner) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kFlush, 5).Args(abi::FlushIn{7, 0, 0, 9})), 0);
  CHECK_EQ(kernel.fs.TakeLog(), "Flush 5 7 owner=9\n");
}

TEST(FlushBeforeMinor7HasNoOwner) {
  FakeKernel kernel({.minor = 6});
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kFlush, 5).Args(abi::FlushIn{7, 0, 0, 9}, 16)), 0);
  CHECK_EQ(kernel.fs.TakeLog(), "Flush 5 7 owner=0\n");
}

TEST(FsyncTellsDataFromAll) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kFsync, 5).Args(abi::FsyncIn{7, 1, 0})), 0);
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kFsync, 5).Args(abi::FsyncIn{7, 0, 0})), 0);
  CHECK_EQ(kernel.fs.TakeLog(), "Fsync 5 7 data\nFsync 5 7 all\n");
}

TEST(FallocateIsServed) {
  FakeKernel kernel;
  CHECK_EQ(
      kernel.ErrorOf(Message(Opcode::kFallocate, 5).Args(abi::FallocateIn{7, 512, 1024, 3, 0})), 0);
  CHECK_EQ(kernel.fs.TakeLog(), "Fallocate 5 7 mode=3 512+1024\n");
}

TEST(LseekIsServed) {
  FakeKernel kernel;
  kernel.fs.number = 1ull << 40;
  const Reply reply = kernel.Ask(Message(Opcode::kLseek, 5).Args(abi::LseekIn{7, 100, 4, 0}));
  CHECK_EQ(reply.As<abi::LseekOut>().offset, 1ull << 40);
  CHECK_EQ(kernel.fs.TakeLog(), "Lseek 5 7 100 4\n");
}

TEST(CopyFileRangeAsksForNoMoreThanItCanAnswer) {
  FakeKernel kernel;
  kernel.fs.number = 0xffff'f000;
  const abi::CopyFileRangeIn in{7, 100, 6, 8, 200, 1ull << 40, 0};
  const Reply reply = kernel.Ask(Message(Opcode::kCopyFileRange, 5).Args(in));
  CHECK_EQ(reply.As<abi::WriteOut>().size, 0xffff'f000u);
  CHECK_EQ(kernel.fs.TakeLog(), "CopyFileRange 5/7@100 -> 6/8@200 length=4294963200 flags=0\n");
}

TEST(CopyFileRange64AnswersIn64Bits) {
  FakeKernel kernel;
  kernel.fs.number = 1ull << 39;
  const abi::CopyFileRangeIn in{7, 100, 6, 8, 200, 1ull << 40, 0};
  const Reply reply = kernel.Ask(Message(Opcode::kCopyFileRange64, 5).Args(in));
  CHECK_EQ(reply.As<abi::CopyFileRangeOut>().bytes_copied, 1ull << 39);
  CHECK_EQ(kernel.fs.TakeLog(), "CopyFileRange 5/7@100 -> 6/8@200 length=1099511627776 flags=0\n");
}

TEST(IoctlCarriesDataBothWays) {
  FakeKernel kernel;
  kernel.fs.number = 42;
  const Reply reply =
      kernel.Ask(Message(Opcode::kIoctl, 5).Args(abi::IoctlIn{7, 0, 0x1234, 55, 3, 4}).Data("abc"));
  CHECK_EQ(kernel.fs.TakeLog(), "Ioctl 5 7 flags=0 command=4660 arg=55 'abc' room=4\n");
  CHECK_EQ(reply.bytes.size(), sizeof(abi::IoctlOut) + 4);
  CHECK_EQ(reply.Prefix<abi::IoctlOut>().result, 42);
  CHECK_EQ(reply.bytes.substr(sizeof(abi::IoctlOut)), "0123");
}

TEST(IoctlMayAskForPartsOfTheCallersMemory) {
  FakeKernel kernel;
  kernel.fs.retry_in = {{0x1000, 8}, {0x2000, 16}};
  kernel.fs.retry_out = {{0x3000, 4}};
  const abi::IoctlIn in{7, abi::kIoctlUnrestricted, 1, 0x1000, 0, 0};
  const Reply reply = kernel.Ask(Message(Opcode::kIoctl, 5).Args(in));
  CHECK_EQ(reply.bytes.size(), sizeof(abi::IoctlOut) + 3 * sizeof(abi::IoctlIovec));
  const auto out = reply.Prefix<abi::IoctlOut>();
  CHECK_EQ(out.flags, abi::kIoctlRetry);
  CHECK_EQ(out.in_iovs, 2u);
  CHECK_EQ(out.out_iovs, 1u);
  CHECK_EQ(reply.Prefix<abi::IoctlIovec>(sizeof out + 16).base, 0x2000u);
  CHECK_EQ(reply.Prefix<abi::IoctlIovec>(sizeof out + 16).length, 16u);
  CHECK_EQ(reply.Prefix<abi::IoctlIovec>(sizeof out + 32).base, 0x3000u);
}

TEST(IoctlOfA32BitProgramIsNotRetriedByAnOldClient) {
  FakeKernel kernel({.minor = 15});
  kernel.fs.retry_in = {{0x1000, 8}};
  const abi::IoctlIn in{7, abi::kIoctlUnrestricted | abi::kIoctlCompat, 1, 0x1000, 0, 0};
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kIoctl, 5).Args(in)), ENOTTY);
}

TEST(IoctlThatBringsLessThanItSaysIsRefused) {
  FakeKernel kernel;
  const abi::IoctlIn in{7, 0, 1, 0, 4, 0};
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kIoctl, 5).Args(in).Data("abc")), ENOTTY);
}

TEST(IoctlThatWantsMoreThanAReplyHoldsIsRefused) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kIoctl, 5).Args(abi::IoctlIn{7, 0, 1, 0, 0, 65537})),
           ENOMEM);
}

TEST(PollPassesTheKernelsHandleWhenItWantsToBeTold) {
  FakeKernel kernel;
  kernel.fs.number = POLLIN;
  const abi::PollIn in{7, 88, abi::kPollScheduleNotify, POLLIN | POLLPRI};
  const Reply reply = kernel.Ask(Message(Opcode::kPoll, 5).Args(in));
  CHECK_EQ(reply.As<abi::PollOut>().revents, std::uint32_t{POLLIN});
  CHECK_EQ(kernel.fs.TakeLog(), "Poll 5 7 events=3 notify=88\n");
}

TEST(PollOfAnOldClientAsksForBothDirections) {
  FakeKernel kernel({.minor = 20});
  kernel.Ask(Message(Opcode::kPoll, 5).Args(abi::PollIn{7, 88, 0, 0}));
  CHECK_EQ(kernel.fs.TakeLog(), "Poll 5 7 events=5 notify=-\n");
}

TEST(NotifyReplyIsConsumed) {
  FakeKernel kernel;
  const abi::NotifyRetrieveIn in{0, 0, 3, 0, 0, 0};
  CHECK(!kernel.Ask(Message(Opcode::kNotifyReply, 5).Args(in).Data("abc")).came);
  CHECK_EQ(kernel.channel().free_slots(), 4u);
}

}  // namespace
}  // namespace fusebay::fuse::test
