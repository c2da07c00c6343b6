// Grace: who waits for whom.
#include "qcow2/grace.h"

#include "qcow2_fixture.h"

namespace fusebay::qcow2 {
namespace {

struct Waiting {
  Waiting() : loop(test::Disk::MakeLoop(workers)) {}
  Task<Unit> WaitOnce() {
    co_await grace.Wait();
    waited = true;
    co_return Unit{};
  }
  void Start() { scope.Spawn(WaitOnce()); }
  void Turn() {
    loop->RunUntilDone([](AioContext& at) -> Task<Unit> {
      co_await at.Yield();
      co_await at.Yield();
      co_return Unit{};
    }(*loop));
  }
  WorkerPool workers{1};
  std::unique_ptr<AioContext> loop;
  Grace grace;
  TaskScope scope;
  bool waited = false;
};

Task<Unit> StartOn(Waiting& waiting) {
  waiting.Start();
  co_return Unit{};
}

TEST(NobodyInsideIsNoWait) {
  Waiting waiting;
  waiting.loop->RunUntilDone(StartOn(waiting));
  waiting.Turn();
  CHECK(waiting.waited);
}

TEST(AWaitEndsWithThePassesBeforeIt) {
  Waiting waiting;
  auto before = std::make_unique<Grace::Pass>(waiting.grace.Enter());
  waiting.loop->RunUntilDone(StartOn(waiting));
  waiting.Turn();
  CHECK(!waiting.waited);
  const Grace::Pass after = waiting.grace.Enter();
  before.reset();
  waiting.Turn();
  CHECK(waiting.waited);
}

}  // namespace
}  // namespace fusebay::qcow2
