// File locks, parking, and INTERRUPT.
#include <fcntl.h>

#include "fake_kernel.h"

namespace fusebay::fuse::test {
namespace {

using abi::Opcode;

abi::LockIn LockOf(std::uint32_t type, std::uint32_t lock_flags = 0) {
  return {.handle = 7,
          .owner = 9,
          .lock = {.start = 10, .end = 20, .type = type, .pid = 30},
          .lock_flags = lock_flags,
          .padding = 0};
}

Message Wait(std::uint32_t type = F_WRLCK) {
  return Message(Opcode::kSetLkw, 5).Args(LockOf(type));
}

Message Read() { return Message(Opcode::kRead, 5).Args(abi::ReadIn{.handle = 7, .size = 4}); }

Message Interrupt(std::uint64_t unique) {
  return Message(Opcode::kInterrupt, 0).Args(abi::InterruptIn{unique}).Unique(unique | 1);
}

TEST(GetLockRepliesTheLock) {
  FakeKernel kernel;
  kernel.fs.lock = {.start = 1, .end = 2, .type = F_RDLCK, .pid = 3};
  const Reply reply = kernel.Ask(Message(Opcode::kGetLk, 5).Args(LockOf(F_WRLCK)));
  CHECK_EQ(kernel.fs.TakeLog(), "GetLock 5 7 owner=9 10-20 type=1 pid=30\n");
  CHECK_EQ(reply.As<abi::LockOut>().lock.end, 2u);
  CHECK_EQ(reply.As<abi::LockOut>().lock.pid, 3u);
}

TEST(SetLockDoesNotWait) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kSetLk, 5).Args(LockOf(F_WRLCK, abi::kLockFlock))), 0);
  CHECK_EQ(kernel.fs.TakeLog(), "SetLock 5 7 owner=9 10-20 type=1 pid=30 flock\n");
}

TEST(SetLockOfAnOldClientHasNoFlags) {
  FakeKernel kernel({.minor = 8});
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kSetLk, 5).Args(LockOf(F_WRLCK, 1), 40)), 0);
  CHECK_EQ(kernel.fs.TakeLog(), "SetLock 5 7 owner=9 10-20 type=1 pid=30\n");
}

TEST(SetLockRefusesAnUnknownType) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kSetLk, 5).Args(LockOf(77))), EINVAL);
}

TEST(WaitingLockLeavesItsSlotAndIsAnsweredLater) {
  FakeKernel kernel;
  const std::uint64_t unique = kernel.Send(Wait());
  CHECK_EQ(kernel.fs.TakeLog(), "SetLock 5 7 owner=9 10-20 type=1 pid=30 wait\n");
  CHECK(!kernel.channel().HasReply(unique));
  CHECK_EQ(kernel.channel().free_slots(), 4u);
  kernel.fs.LetGo();
  kernel.Run();
  const Reply reply = kernel.channel().TakeReply(unique);
  CHECK(reply.came);
  CHECK_EQ(reply.error, 0);
  CHECK_EQ(kernel.channel().parked_replies(), 1u);
}

TEST(UnlockThroughSetLkwIsNeverParked) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(Wait(F_UNLCK)), 0);
  CHECK_EQ(kernel.channel().parked_replies(), 0u);
}

TEST(EverySlotMayWaitAndOthersAreServed) {
  FakeKernel kernel;
  for (int i = 0; i < 50; ++i) {
    kernel.Send(Wait());
  }
  CHECK_EQ(kernel.fs.waiters(), 50u);
  CHECK_EQ(kernel.Ask(Read()).bytes, "0123");
  kernel.fs.LetGo();
  kernel.Run();
  CHECK_EQ(kernel.channel().parked_replies(), 50u);
}

TEST(ParkedRequestsAreLimited) {
  FakeKernel kernel;
  for (std::size_t i = 0; i < FuseServer::kMaxParked; ++i) {
    kernel.Send(Wait());
  }
  CHECK_EQ(kernel.ErrorOf(Wait()), ENOLCK);
  CHECK_EQ(kernel.ErrorOf(Wait(F_UNLCK)), 0);
  kernel.fs.LetGo();
  kernel.Run();
  CHECK_EQ(kernel.channel().parked_replies(), FuseServer::kMaxParked);
  const std::uint64_t again = kernel.Send(Wait());
  CHECK(!kernel.channel().HasReply(again));
}

TEST(InterruptEndsAParkedRequest) {
  FakeKernel kernel;
  const std::uint64_t first = kernel.Send(Wait());
  const std::uint64_t second = kernel.Send(Wait());
  CHECK(!kernel.Ask(Interrupt(second)).came);
  CHECK_EQ(kernel.channel().TakeReply(second).error, -EINTR);
  CHECK(!kernel.channel().HasReply(first));
}

TEST(InterruptEndsARequestInItsSlot) {
  FakeKernel kernel;
  kernel.fs.waiting = true;
  const std::uint64_t unique = kernel.Send(Read());
  CHECK(!kernel.Ask(Interrupt(unique)).came);
  CHECK_EQ(kernel.channel().TakeReply(unique).error, -EINTR);
}

TEST(InterruptReachesAnotherChannel) {
  FakeKernel kernel({.channels = 2});
  kernel.fs.waiting = true;
  const std::uint64_t read = kernel.Send(Read(), 1);
  const std::uint64_t lock = kernel.Send(Wait(), 1);
  kernel.Send(Interrupt(read), 0);
  CHECK_EQ(kernel.channel(1).TakeReply(read).error, -EINTR);
  CHECK(!kernel.channel(1).HasReply(lock));
  kernel.Send(Interrupt(lock), 0);
  CHECK_EQ(kernel.channel(1).TakeReply(lock).error, -EINTR);
}

TEST(InterruptKnowsARequestThatWasSentAgain) {
  FakeKernel kernel;
  const std::uint64_t unique = kernel.Send(Wait().Unique(500 | abi::kUniqueResend));
  kernel.Send(Interrupt(500));
  CHECK_EQ(kernel.channel().TakeReply(unique).error, -EINTR);
}

TEST(InterruptThatComesFirstEndsItsRequestAtOnce) {
  FakeKernel kernel({.channels = 2});
  kernel.Send(Interrupt(500), 0);
  kernel.Send(Wait().Unique(500), 1);
  CHECK_EQ(kernel.channel(1).TakeReply(500).error, -EINTR);
}

TEST(EarlyInterruptIsForASingleRequest) {
  FakeKernel kernel;
  kernel.Send(Interrupt(500));
  kernel.Send(Wait().Unique(502));
  CHECK(!kernel.channel().HasReply(502));
  kernel.Send(Wait().Unique(500));
  CHECK(kernel.channel().TakeReply(500).came);
  kernel.Send(Wait().Unique(500));
  CHECK(!kernel.channel().HasReply(500));
}

TEST(InterruptThatIsTooShortIsNotAnswered) {
  FakeKernel kernel;
  CHECK(!kernel.Ask(Message(Opcode::kInterrupt)).came);
}

TEST(TokenIsNewForTheNextRequestOfTheSlot) {
  FakeKernel kernel({.slots = 1});
  kernel.fs.waiting = true;
  const std::uint64_t unique = kernel.Send(Wait());
  kernel.Send(Interrupt(unique));
  const std::uint64_t read = kernel.Send(Read());
  CHECK_EQ(kernel.fs.waiters(), 1u);
  kernel.fs.LetGo();
  kernel.Run();
  CHECK_EQ(kernel.channel().TakeReply(read).bytes, "0123");
}

TEST(ShutdownEndsWhatIsParkedAndWhatIsInSlots) {
  FakeKernel kernel({.channels = 2});
  kernel.fs.waiting = true;
  kernel.Send(Wait(), 0);
  kernel.Send(Read(), 1);
  kernel.Send(Wait(), 1);
  CHECK(!kernel.ended());
  kernel.ShutDown();
  CHECK(kernel.ended());
  CHECK_EQ(kernel.fs.waiters(), 0u);
}

}  // namespace
}  // namespace fusebay::fuse::test
