// Session: interrupts between channels whose loops run on threads of their own.
#include "fuse/server/state.h"

#include <fcntl.h>

#include <thread>

#include "core/loop_thread.h"
#include "fake_kernel.h"

namespace fusebay::fuse::test {
namespace {

using abi::Opcode;

// Every lock waits until it is interrupted.
class NeverFree final : public FuseFilesystem {
 public:
  Task<fusebay::Result<>> SetLock(const Caller& caller, NodeId, Handle, const LockArgs&) override {
    return Wait(*caller.cancel);
  }

 private:
  static Task<fusebay::Result<>> Wait(CancelToken& cancel) {
    if (cancel.cancelled()) {
      co_return Errno{EINTR};
    }
    CoEvent event;
    const CancelToken::Callback on_cancel(
        cancel, [](void* waited_for) { static_cast<CoEvent*>(waited_for)->Set(); }, &event);
    co_await event.Wait();
    co_return Errno{EINTR};
  }
};

class NoTransport final : public FuseTransport {
 public:
  Task<Result<Unit, Error>> Start(std::span<AioContext* const>) override {
    return Result<Unit, Error>(Unit{});
  }
  std::span<const std::unique_ptr<FuseChannel>> channels() override { return {}; }
  FuseNotifier& notifier() override { std::abort(); }
  std::uint32_t max_payload() const override { return 8192; }
  void OnInit(const Negotiated&) override {}
  Task<Unit> Stop() override { return Unit{}; }
};

struct Side {
  explicit Side(WorkerPool& workers) {
    AioContextOptions options;
    options.engine = EngineKind::kThreads;
    auto made = LoopThread::Start(options, workers);
    CHECK_OK(made);
    thread = std::move(*made);
    channel = std::make_unique<FakeChannel>(thread->loop(), 4, 8192);
  }
  // Calls fn on the loop and waits for it.
  template <class F>
  void Do(F fn) {
    std::atomic<bool> done{false};
    thread->loop().Post([&] {
      fn();
      done.store(true);
    });
    while (!done.load()) {
      std::this_thread::yield();
    }
  }
  void Send(Message message) {
    thread->loop().Post([this, message] { channel->Send(message); });
  }
  std::unique_ptr<LoopThread> thread;
  std::unique_ptr<FakeChannel> channel;
  TaskScope scope;
};

Task<Unit> ServeUntilEnd(FuseServer& server, Side& side, std::atomic<int>& running) {
  co_await server.ServeChannel(*side.channel);
  --running;
  co_return Unit{};
}

void WaitForReply(Side& side, std::uint64_t unique) {
  Reply reply;
  while (!reply.came) {
    side.Do([&] { reply = side.channel->TakeReply(unique); });
  }
}

TEST(NoInterruptFromAnotherThreadIsLost) {
  constexpr std::uint64_t kRounds = 100;
  constexpr std::uint64_t kAtATime = 20;
  WorkerPool workers(1);
  NeverFree fs;
  NoTransport transport;
  FuseServer server(fs, transport, {});
  Side locks(workers);
  Side interrupts(workers);
  std::atomic<int> running{2};
  for (Side* const side : {&locks, &interrupts}) {
    side->Do([&, side] { side->scope.Spawn(ServeUntilEnd(server, *side, running)); });
  }
  locks.Send(Message(Opcode::kInit).Args(abi::InitIn{.major = 7, .minor = 45}).Unique(2));
  WaitForReply(locks, 2);

  abi::LockIn lock{};
  lock.lock.type = F_WRLCK;
  for (std::uint64_t round = 1; round <= kRounds; ++round) {
    for (std::uint64_t i = 0; i < kAtATime; ++i) {
      const std::uint64_t unique = (round * kAtATime + i) * 2;
      locks.Send(Message(Opcode::kSetLkw).Args(lock).Unique(unique));
      interrupts.Send(
          Message(Opcode::kInterrupt).Args(abi::InterruptIn{unique}).Unique(unique | 1));
    }
    for (std::uint64_t i = 0; i < kAtATime; ++i) {
      WaitForReply(locks, (round * kAtATime + i) * 2);
    }
  }
  for (Side* const side : {&locks, &interrupts}) {
    side->Do([side] { side->channel->Shutdown(); });
  }
  while (running.load() != 0) {
    std::this_thread::yield();
  }
  for (Side* const side : {&locks, &interrupts}) {
    side->Do([] {});  // the last coroutine has left the loop
    side->thread.reset();
  }
}

}  // namespace
}  // namespace fusebay::fuse::test
