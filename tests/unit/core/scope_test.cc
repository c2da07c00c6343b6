// TaskScope: starts at once, joins everything, also what is spawned meanwhile.
#include "core/scope.h"

#include "core_fixture.h"

namespace fusebay::test {

namespace {

Task<Unit> Count(AioContext& loop, int& count, int yields) {
  for (int i = 0; i < yields; ++i) {
    co_await loop.Yield();
  }
  ++count;
  co_return Unit{};
}

Task<Unit> SpawnMore(AioContext& loop, TaskScope& scope, int& count) {
  co_await loop.Yield();
  scope.Spawn(Count(loop, count, 5));
  co_return Unit{};
}

Task<int> SpawnAndJoin(AioContext& loop) {
  int count = 0;
  TaskScope scope;
  scope.Spawn(Count(loop, count, 3));
  scope.Spawn(SpawnMore(loop, scope, count));
  co_await scope.Join();
  co_return count;
}

Task<Unit> JoinOnly(TaskScope& scope) { return scope.Join(); }

}  // namespace

TEST(SpawnedTaskRunsAtOnceUntilItWaits) {
  WorkerPool workers(1);
  const Loop loop = MakeLoop(workers);
  int count = 0;
  TaskScope scope;
  scope.Spawn(Count(*loop, count, 0));
  CHECK_EQ(count, 1);
  CHECK_EQ(scope.running(), 0U);
}

TEST(JoinWaitsAlsoForWhatIsSpawnedMeanwhile) {
  WorkerPool workers(1);
  const Loop loop = MakeLoop(workers);
  CHECK_EQ(loop->RunUntilDone(SpawnAndJoin(*loop)), 2);
}

TEST(JoinOfNothingReturns) {
  WorkerPool workers(1);
  const Loop loop = MakeLoop(workers);
  TaskScope scope;
  loop->RunUntilDone(JoinOnly(scope));
  CHECK_EQ(scope.running(), 0U);
}

}  // namespace fusebay::test
