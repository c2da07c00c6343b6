// Drain: nobody inside, nobody gets in, and everybody goes on afterwards.
#include <array>
#include <atomic>

#include "block_fixture.h"
#include "core/loop_thread.h"
#include "core/run_on.h"
#include "core/scope.h"

namespace fusebay::test {

namespace {

constexpr int kLoops = 3;

// A node that several loops write to, each request inside its gate.
struct Scene {
  Scene() {
    for (int i = 0; i < kLoops; ++i) {
      auto loop = LoopThread::Start({.name = "data"}, bench.workers);
      CHECK_OK(loop);
      threads.push_back(std::move(*loop));
      loops.push_back(&threads.back()->loop());
    }
    ref.UseOn(loops);
    node.yields = true;
  }
  Bench bench;
  FakeNode& node = bench.AddFake("n", 512);
  std::vector<std::unique_ptr<LoopThread>> threads;
  std::vector<AioContext*> loops;
  BlockRef ref = bench.Use(node);
  std::atomic<int> inside{0};
  std::atomic<int> done{0};
  std::atomic<bool> stop{false};
};

Task<Unit> Requests(Scene& s) {
  const Data data(64);
  while (!s.stop) {
    const Gate::Pass pass = co_await s.ref.gate().Enter();
    ++s.inside;
    const Result<> r = co_await s.ref.Write(0, data.vec(), {});
    FB_ASSERT(r.ok());
    ++s.done;
    --s.inside;
    co_await AioContext::Current().Yield();
  }
  co_return Unit{};
}

Task<Unit> RequestsOn(AioContext& loop, Scene& s) {
  co_await RunOn<Unit>(loop, Requests(s));
  co_return Unit{};
}

Task<Unit> WaitForRequests(Scene& s, int count) {
  const int target = s.done + count;
  while (s.done < target) {
    co_await AioContext::Current().Yield();
  }
  co_return Unit{};
}

// Returns what was seen inside the drains, 0 if all is well.
Task<int> DrainOften(Scene& s) {
  int seen = 0;
  for (int i = 0; i < 30; ++i) {
    const BlockGraph::Drained drained = co_await s.bench.graph.Drain();
    const int before = s.done;
    for (int turn = 0; turn < 20; ++turn) {
      seen += s.inside;
      co_await AioContext::Current().Yield();
    }
    seen += s.done - before;
  }
  co_return seen;
}

Task<int> DrainUnderLoad(Scene& s) {
  TaskScope scope;
  for (AioContext* const loop : s.loops) {
    scope.Spawn(RequestsOn(*loop, s));
  }
  co_await WaitForRequests(s, 20);
  const int seen = co_await DrainOften(s);
  co_await WaitForRequests(s, 20);  // they go on
  s.stop = true;
  co_await scope.Join();
  co_return seen;
}

Task<Unit> AddTo(Scene& s, std::atomic<int>& seen) {
  const int n = co_await DrainOften(s);
  seen += n;
  co_return Unit{};
}

Task<Unit> AddOn(AioContext& loop, Scene& s, std::atomic<int>& seen) {
  co_await RunOn<Unit>(loop, AddTo(s, seen));
  co_return Unit{};
}

Task<Unit> DrainFromTwoLoops(Scene& s, AioContext& other, std::atomic<int>& seen) {
  TaskScope requests;
  for (AioContext* const loop : s.loops) {
    requests.Spawn(RequestsOn(*loop, s));
  }
  TaskScope drains;
  drains.Spawn(AddTo(s, seen));
  drains.Spawn(AddOn(other, s, seen));
  co_await drains.Join();
  co_await WaitForRequests(s, 20);
  s.stop = true;
  co_await requests.Join();
  co_return Unit{};
}

}  // namespace

TEST(NobodyIsInsideADrain) {
  Scene s;
  CHECK_EQ(s.bench.Run(DrainUnderLoad(s)), 0);
}

TEST(DrainsOfTwoLoopsRunBesideEachOther) {
  Scene s;
  const auto other = LoopThread::Start({.name = "other"}, s.bench.workers);
  CHECK_OK(other);
  std::atomic<int> seen{0};
  s.bench.Run(DrainFromTwoLoops(s, (*other)->loop(), seen));
  CHECK_EQ(seen.load(), 0);
}

namespace {

Task<std::string> NestedDrains(Bench& bench, BlockRef& ref) {
  std::string log;
  {
    const BlockGraph::Drained outer = co_await bench.graph.Drain();
    {
      const BlockGraph::Drained inner = co_await bench.graph.Drain();
      log += ref.gate().closed() ? "closed " : "open ";
    }
    log += ref.gate().closed() ? "closed " : "open ";
  }
  log += ref.gate().closed() ? "closed" : "open";
  co_return log;
}

Task<std::string> ANewUserInADrain(Bench& bench) {
  std::string log;
  AioContext* const loop = bench.loop.get();
  std::optional<BlockRef> ref;
  {
    const BlockGraph::Drained drained = co_await bench.graph.Drain();
    Result<BlockRef, Error> made = bench.graph.Use("n", kReader, "late");
    ref.emplace(std::move(*made));
    ref->UseOn({&loop, 1});
    log += ref->gate().closed() ? "closed " : "open ";
  }
  log += ref->gate().closed() ? "closed" : "open";
  co_return log;
}

}  // namespace

TEST(DrainsNest) {
  Bench bench;
  BlockRef ref = bench.Use(bench.AddFake("n", 512));
  AioContext* const loop = bench.loop.get();
  ref.UseOn({&loop, 1});
  CHECK_EQ(bench.Run(NestedDrains(bench, ref)), "closed closed open");
}

TEST(AUserWhoComesDuringADrainWaits) {
  Bench bench;
  bench.AddFake("n", 512);
  CHECK_EQ(bench.Run(ANewUserInADrain(bench)), "closed open");
}

}  // namespace fusebay::test
