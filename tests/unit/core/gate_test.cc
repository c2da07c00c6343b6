// Gate: closing waits for those inside, and nobody is turned away.
#include "core/gate.h"

#include <string>

#include "core/scope.h"
#include "core_fixture.h"

namespace fusebay::test {

namespace {

// One loop, one gate, and a log of what happened in which order.
struct Scene {
  WorkerPool workers{1};
  Loop loop = MakeLoop(workers);
  Gate gate;
  std::string log;
  CoEvent may_leave;
};

Task<Unit> Visit(Scene& scene, char name) {
  const Gate::Pass pass = co_await scene.gate.Enter();
  scene.log += name;
  co_await scene.may_leave.Wait();
  co_return Unit{};
}

Task<Unit> CloseAndLog(Scene& scene, char name) {
  co_await scene.gate.Close();
  scene.log += name;
  co_return Unit{};
}

Task<Unit> Turns(Scene& scene, int count) {
  for (int i = 0; i < count; ++i) {
    co_await scene.loop->Yield();
  }
  co_return Unit{};
}

Task<Unit> CloseWaits(Scene& scene) {
  TaskScope scope;
  scope.Spawn(Visit(scene, 'a'));
  scope.Spawn(CloseAndLog(scene, 'C'));
  scope.Spawn(Visit(scene, 'b'));
  co_await Turns(scene, 3);
  scene.log += '.';
  scene.may_leave.Set();
  co_await Turns(scene, 3);
  scene.log += '.';
  scene.gate.Open();
  co_await scope.Join();
  co_return Unit{};
}

Task<Unit> CloseTwice(Scene& scene) {
  TaskScope scope;
  scene.may_leave.Set();
  co_await scene.gate.Close();
  co_await scene.gate.Close();
  scope.Spawn(Visit(scene, 'a'));
  scope.Spawn(Visit(scene, 'b'));
  scene.gate.Open();
  co_await Turns(scene, 3);
  scene.log += '.';
  scene.gate.Open();
  co_await scope.Join();
  co_return Unit{};
}

// A close right after an open: those let in are inside, and the close waits for them.
Task<Unit> CloseAfterOpen(Scene& scene) {
  TaskScope scope;
  co_await scene.gate.Close();
  scope.Spawn(Visit(scene, 'a'));
  scene.gate.Open();
  scope.Spawn(CloseAndLog(scene, 'C'));
  co_await Turns(scene, 3);
  scene.may_leave.Set();
  co_await scope.Join();
  scene.gate.Open();
  co_return Unit{};
}

}  // namespace

TEST(CloseWaitsForThoseInsideAndHoldsOthersBack) {
  Scene scene;
  scene.loop->RunUntilDone(CloseWaits(scene));
  CHECK_EQ(scene.log, "a.C.b");
}

TEST(ClosingsNest) {
  Scene scene;
  scene.loop->RunUntilDone(CloseTwice(scene));
  CHECK_EQ(scene.log, ".ab");
}

TEST(WaitersLetInCountAsInside) {
  Scene scene;
  scene.loop->RunUntilDone(CloseAfterOpen(scene));
  CHECK_EQ(scene.log, "aC");
}

TEST(OpenGateIsEnteredWithoutWaiting) {
  Gate gate;
  CHECK(gate.TryEnter());
  {
    const Gate::Pass pass(gate);
    CHECK_EQ(gate.inside(), 1U);
  }
  CHECK_EQ(gate.inside(), 0U);
  CHECK(!gate.closed());
}

}  // namespace fusebay::test
