// A loopback session with an EchoServer, client and server on one loop.
#pragma once
#include "echo_fixture.h"
#include "fuse/loopback_client.h"
#include "fuse/loopback_transport.h"

namespace fusebay::fuse::test {

class LoopbackSession {
 public:
  explicit LoopbackSession(std::uint32_t slots = 4, std::uint32_t max_payload = 1u << 20,
                           LoopbackOptions options = {}, LoopbackFaults faults = {})
      : kernel(options, faults), transport(kernel, slots, max_payload), client(kernel) {
    auto made = AioContext::Create(AioContextOptions{}, workers);
    FB_ASSERT(made.ok());
    loop = std::move(*made);
  }

  // Starts a session, sends INIT, runs `test` and stops.
  void Run(Task<Unit> (*test)(LoopbackSession&)) { loop->RunUntilDone(RunInside(*this, test)); }

  // Lets everything happen that can.
  Task<Unit> Settle() {
    for (int i = 0; i < 20; ++i) {
      co_await loop->Yield();
    }
    co_return Unit{};
  }
  static Task<Unit> Flush(LoopbackSession& s) {
    const Result<> flushed = co_await s.client.Flush(1, 0);
    s.flush_errors.push_back(flushed.ok() ? 0 : flushed.error().value());
    co_return Unit{};
  }
  FuseChannel& channel() { return *transport.channels()[0]; }

  WorkerPool workers;
  std::unique_ptr<AioContext> loop;
  LoopbackKernel kernel;
  LoopbackTransport transport;
  LoopbackClient client;
  EchoServer server{transport};
  TaskScope scope;
  std::vector<int> flush_errors;

 private:
  static Task<Unit> RunInside(LoopbackSession& self, Task<Unit> (*test)(LoopbackSession&)) {
    AioContext* const loops[] = {self.loop.get()};
    const Result<Unit, Error> started = co_await self.transport.Start(loops);
    FB_ASSERT(started.ok());
    self.scope.Spawn(self.server.Serve(self.channel()));
    const auto init = co_await self.client.Init();
    FB_ASSERT(init.ok());
    self.server.seen.clear();
    co_await test(self);
    co_await self.transport.Stop();
    co_await self.scope.Join();
    co_return Unit{};
  }
};

}  // namespace fusebay::fuse::test
