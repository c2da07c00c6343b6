// Operations on worker threads can be taken back as long as none has begun them.
#include <condition_variable>
#include <mutex>

#include "core/scope.h"
#include "core_fixture.h"

namespace fusebay::test {

namespace {

// A call that occupies a worker until it is let go.
struct Occupied {
  void Wait() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return open; });
  }
  void LetGo() {
    const std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
};

Task<Unit> Occupy(AioContext& loop, Occupied& occupied) {
  const Result<> r = co_await loop.RunBlocking([&occupied] {
    occupied.Wait();
    return Ok();
  });
  FB_ASSERT(r.ok());
  co_return Unit{};
}

Task<Unit> AwaitOp(AioContext& loop, IoOp& op) {
  co_await loop.Await(op);
  co_return Unit{};
}

Task<std::int32_t> CancelCallThatWaits(AioContext& loop) {
  Occupied occupied;
  IoOp op(IoOp::Kind::kCall, -1);
  op.call = [](IoOp& self) { self.result = 1; };
  TaskScope scope;
  scope.Spawn(Occupy(loop, occupied));
  scope.Spawn(AwaitOp(loop, op));
  loop.Cancel(op);
  occupied.LetGo();
  co_await scope.Join();
  co_return op.result;
}

constexpr EngineKind kWaitKinds[] = {EngineKind::kIoUring, EngineKind::kThreads};

}  // namespace

TEST(CallThatNoWorkerHasBegunIsCancelled) {
  for (const EngineKind kind : kWaitKinds) {
    WorkerPool workers(1);
    const Loop loop = MakeLoop(workers, kind);
    CHECK_EQ(loop->RunUntilDone(CancelCallThatWaits(*loop)), -ECANCELED);
  }
}

}  // namespace fusebay::test
