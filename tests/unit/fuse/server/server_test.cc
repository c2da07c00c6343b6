// FuseServer: what surrounds a request.
#include "fuse/server.h"

#include "fake_kernel.h"

namespace fusebay::fuse::test {
namespace {

using abi::Opcode;

class Recorder final : public ServerHook {
 public:
  void OnRequest(std::uint32_t opcode, std::uint64_t) override {
    log += "+" + std::to_string(opcode) + " ";
  }
  void OnReply(std::uint32_t opcode, std::uint64_t, std::int32_t error) override {
    log += "-" + std::to_string(opcode) + ":" + std::to_string(error) + " ";
  }
  void OnInit(const Negotiated& negotiated) override {
    log += "init:" + std::to_string(negotiated.minor) + " ";
  }
  std::string log;
};

TEST(HookIsCalledAroundEachRequest) {
  Recorder recorder;
  FakeKernel kernel({.hook = &recorder});
  kernel.fs.error = ENOENT;
  kernel.Ask(Message(Opcode::kLookup).Name("a"));
  kernel.Ask(Message(Opcode::kForget).Args(abi::ForgetIn{1}));
  kernel.Ask(Message(999u));
  CHECK_EQ(recorder.log, "+26 init:45 -26:0 +1 -1:-2 +2 -2:0 +999 -999:-38 ");
}

TEST(HookHearsOfAParkedRequestOnceItIsAnswered) {
  Recorder recorder;
  FakeKernel kernel({.hook = &recorder});
  recorder.log.clear();
  kernel.Send(Message(Opcode::kSetLkw).Args(abi::LockIn{}));
  CHECK_EQ(recorder.log, "+33 ");
  kernel.fs.LetGo();
  kernel.Run();
  CHECK_EQ(recorder.log, "+33 -33:0 ");
}

TEST(RequestsOfAllChannelsAreCounted) {
  FakeKernel kernel({.channels = 2});
  kernel.Ask(Message(Opcode::kStatFs), 0);
  kernel.Ask(Message(Opcode::kStatFs), 1);
  CHECK_EQ(kernel.server().request_count(), 3u);
}

TEST(ChannelsAreServedAtTheSameTime) {
  FakeKernel kernel({.channels = 2});
  kernel.fs.waiting = true;
  kernel.Send(Message(Opcode::kRead).Args(abi::ReadIn{.size = 1}), 0);
  kernel.Send(Message(Opcode::kRead).Args(abi::ReadIn{.size = 1}), 1);
  CHECK_EQ(kernel.fs.waiters(), 2u);
}

TEST(SlotsAreServedAtTheSameTime) {
  FakeKernel kernel({.slots = 3});
  kernel.fs.waiting = true;
  for (int i = 0; i < 5; ++i) {
    kernel.Send(Message(Opcode::kRead).Args(abi::ReadIn{.size = 1}));
  }
  CHECK_EQ(kernel.fs.waiters(), 3u);
  kernel.fs.waiting = false;
  kernel.fs.LetGo();
  kernel.Run();
  CHECK_EQ(kernel.fs.reads, 5u);
}

TEST(ServeChannelReturnsAfterShutdown) {
  FakeKernel kernel;
  CHECK(!kernel.ended());
  kernel.ShutDown();
  CHECK(kernel.ended());
}

TEST(RequestThatWasReadBeforeShutdownIsServed) {
  FakeKernel kernel({.slots = 1});
  kernel.fs.waiting = true;
  const std::uint64_t unique = kernel.Send(Message(Opcode::kRead).Args(abi::ReadIn{.size = 1}));
  kernel.ShutDown();
  CHECK_EQ(kernel.channel().TakeReply(unique).error, -EINTR);
  CHECK(kernel.ended());
}

}  // namespace
}  // namespace fusebay::fuse::test
