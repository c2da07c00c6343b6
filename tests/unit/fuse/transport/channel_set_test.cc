// Opening and closing the channels of a session on several loops.
#include "fuse/transport/channel_set.h"

#include "check.h"
#include "core/loop_thread.h"
#include "fuse/loopback.h"
#include "fuse/transport/fuse_device.h"

namespace fusebay::fuse::test {
namespace {

class Fixture {
 public:
  explicit Fixture(std::size_t count = 2) {
    auto made = AioContext::Create(AioContextOptions{}, workers);
    CHECK_OK(made);
    control = std::move(*made);
    for (std::size_t i = 0; i < count; ++i) {
      auto thread = LoopThread::Start(AioContextOptions{}, workers);
      CHECK_OK(thread);
      threads.push_back(std::move(*thread));
      loops.push_back(&threads.back()->loop());
      devices.push_back(kernel.OpenDevice());
      const Result<> attached =
          i == 0 ? kernel.Mount(*devices[0]) : kernel.Clone(*devices[i], *devices[0]);
      CHECK_OK(attached);
    }
  }
  Result<Unit, Error> Open(std::size_t slots = 2, std::size_t max_payload = 4096) {
    return control->RunUntilDone(set.Open(loops, std::move(devices), slots, max_payload));
  }
  void Close() { control->RunUntilDone(set.Close()); }

  WorkerPool workers;
  std::unique_ptr<AioContext> control;
  std::vector<std::unique_ptr<LoopThread>> threads;
  std::vector<AioContext*> loops;
  LoopbackKernel kernel;
  std::vector<std::unique_ptr<FuseDevice>> devices;
  ChannelSet set;
};

TEST(EveryLoopGetsItsChannel) {
  Fixture f(3);
  CHECK_OK(f.Open());
  CHECK_EQ(f.set.channels().size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(&f.set.channels()[i]->loop() == f.loops[i]);
    CHECK_EQ(f.set.channels()[i]->slots().size(), 2u);
  }
  f.Close();
}

TEST(ServesUntilClosed) {
  Fixture f;
  CHECK(!f.set.serving());
  CHECK_OK(f.Open());
  CHECK(f.set.serving());
  f.Close();
  CHECK(!f.set.serving());
  f.Close();  // once more is nothing
}

TEST(OneChannelThatEndedIsNoticed) {
  Fixture f;
  CHECK_OK(f.Open());
  f.control->RunUntilDone([](Fixture& g) -> Task<Unit> {
    FuseChannel& channel = *g.set.channels()[1];
    co_await RunOn(channel.loop(), [](FuseChannel& c) -> Task<Unit> {
      c.Shutdown();
      co_return Unit{};
    }(channel));
    co_return Unit{};
  }(f));
  CHECK(!f.set.serving());
  f.Close();
}

TEST(MemoryThatIsNotToBeHadIsTold) {
  Fixture f(1);
  CHECK_MESSAGE(f.Open(1u << 20, 1u << 30), "cannot make a channel with 1048576 slots");
  CHECK(f.set.channels().empty());
}

TEST(ClearedSetCanBeOpenedAgain) {
  Fixture f(1);
  CHECK_OK(f.Open());
  f.Close();
  f.set.Clear();
  f.devices.clear();
  f.devices.push_back(f.kernel.OpenDevice());
  f.kernel.Unmount();
  CHECK_OK(f.kernel.Mount(*f.devices[0]));
  CHECK_OK(f.Open());
  f.Close();
}

}  // namespace
}  // namespace fusebay::fuse::test
