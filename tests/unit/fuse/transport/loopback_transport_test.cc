// Loopback sessions over several loops.
#include "fuse/loopback_transport.h"

#include "core/loop_thread.h"
#include "echo_fixture.h"
#include "fuse/loopback_client.h"

namespace fusebay::fuse::test {
namespace {

// The client is on this thread's loop, the channels on their own threads.
class Threads {
 public:
  explicit Threads(std::size_t count, LoopbackFaults faults = {})
      : kernel({}, faults), transport(kernel, 4), client(kernel) {
    auto made = AioContext::Create(AioContextOptions{}, workers);
    FB_ASSERT(made.ok());
    control = std::move(*made);
    for (std::size_t i = 0; i < count; ++i) {
      auto thread = LoopThread::Start(AioContextOptions{}, workers);
      FB_ASSERT(thread.ok());
      threads.push_back(std::move(*thread));
      loops.push_back(&threads.back()->loop());
    }
    server.note = false;
    server.hold_flush = false;
  }
  void Run(Task<Unit> (*test)(Threads&)) {
    control->RunUntilDone([](Threads& self, Task<Unit> (*inside)(Threads&)) -> Task<Unit> {
      const Result<Unit, Error> started = co_await self.transport.Start(self.loops);
      FB_ASSERT(started.ok());
      for (const std::unique_ptr<FuseChannel>& channel : self.transport.channels()) {
        self.serving.Spawn(ServeOn(self, *channel));
      }
      co_await inside(self);
      co_await self.clients.Join();
      co_await self.transport.Stop();
      co_await self.serving.Join();
      co_return Unit{};
    }(*this, test));
  }
  static Task<Unit> ReadMany(Threads& self, int count) {
    std::vector<std::byte> data(3000);
    for (int i = 0; i < count; ++i) {
      const auto offset = static_cast<std::uint64_t>(i) * 7919;
      const auto read = co_await self.client.Read(1, 0, offset, data);
      self.good += read.ok() && data[2999] == EchoServer::Pattern(offset + 2999) ? 1 : 0;
      self.aborted += !read.ok() ? 1 : 0;
    }
    co_return Unit{};
  }

  WorkerPool workers;
  std::unique_ptr<AioContext> control;
  std::vector<std::unique_ptr<LoopThread>> threads;
  std::vector<AioContext*> loops;
  LoopbackKernel kernel;
  LoopbackTransport transport;
  LoopbackClient client;
  EchoServer server{transport};
  TaskScope serving;
  TaskScope clients;
  int good = 0;
  int aborted = 0;

 private:
  static Task<Unit> ServeOn(Threads& self, FuseChannel& channel) {
    co_await RunOn(channel.loop(), self.server.Serve(channel));
    co_return Unit{};
  }
};

TEST(ManyClientsAreServedByManyLoops) {
  Threads t(3);
  t.Run([](Threads& u) -> Task<Unit> {
    CHECK_OK(co_await u.client.Init());
    for (int i = 0; i < 8; ++i) {
      u.clients.Spawn(Threads::ReadMany(u, 200));
    }
    co_await u.clients.Join();
    CHECK_EQ(u.good, 1600);
    co_return Unit{};
  });
}

TEST(BackgroundReadsAreServedWithinTheirLimit) {
  Threads t(2);
  t.Run([](Threads& u) -> Task<Unit> {
    CHECK_OK(co_await u.client.Init());
    u.client.SetBackground(true);
    for (int i = 0; i < 100; ++i) {
      u.clients.Spawn(Threads::ReadMany(u, 10));
    }
    co_await u.clients.Join();
    CHECK_EQ(u.good, 1000);
    co_return Unit{};
  });
}

TEST(AbortUnderLoadEndsEverything) {
  LoopbackFaults faults;
  faults.seed = ::fusebay::test::Seed();
  faults.abort_at_request = 300;
  faults.interrupts = 200;
  Threads t(2, faults);
  t.Run([](Threads& u) -> Task<Unit> {
    CHECK_OK(co_await u.client.Init());
    for (int i = 0; i < 8; ++i) {
      u.clients.Spawn(Threads::ReadMany(u, 100));
    }
    co_await u.clients.Join();
    CHECK(u.aborted > 0);
    CHECK_EQ(u.good + u.aborted, 800);
    co_return Unit{};
  });
  CHECK_EQ(t.server.ended.load(), 8);
}

TEST(FailedRepliesBecomeEioOrAbort) {
  LoopbackFaults faults;
  faults.seed = ::fusebay::test::Seed();
  faults.reply_failures = 100;
  faults.read_eintr = 100;
  Threads t(1, faults);
  t.Run([](Threads& u) -> Task<Unit> {
    // A client whose INIT failed is refused from then on.
    const auto init = co_await u.client.Init();
    u.clients.Spawn(Threads::ReadMany(u, 50));
    for (int i = 0; i < 100'000 && u.good + u.aborted < 50; ++i) {
      co_await u.control->Yield();
    }
    u.kernel.Abort();  // some replies failed twice and will never come
    static_cast<void>(init);
    co_return Unit{};
  });
  CHECK_EQ(t.good + t.aborted, 50);
}

TEST(NotificationsReachTheKernel) {
  Threads t(1);
  t.Run([](Threads& u) -> Task<Unit> {
    CHECK_OK(co_await u.client.Init());
    u.transport.notifier().InvalidateInode(NodeId::kRoot, 0, 0);
    for (int i = 0; i < 20'000 && u.kernel.notifications().empty(); ++i) {
      co_await u.control->SleepFor(std::chrono::milliseconds(1));
    }
    CHECK_EQ(u.kernel.notifications().size(), 1u);
    co_return Unit{};
  });
}

TEST(TransportCanBeStartedAgain) {
  Threads t(2);
  for (int i = 0; i < 2; ++i) {
    t.Run([](Threads& u) -> Task<Unit> {
      CHECK_OK(co_await u.client.Init());
      u.clients.Spawn(Threads::ReadMany(u, 5));
      co_return Unit{};
    });
  }
  CHECK_EQ(t.good, 10);
}

}  // namespace
}  // namespace fusebay::fuse::test
