// BlockRef: permissions, observers, gates, and giving the node back.
#include "block_fixture.h"

#include "core/loop_thread.h"
#include "core/run_on.h"
#include "core/scope.h"

namespace fusebay::test {

namespace {

class Listener : public BlockObserver {
 public:
  std::string heard;

 private:
  void OnWritten(std::uint64_t offset, std::uint64_t length) override {
    heard += std::to_string(offset) + "+" + std::to_string(length) + " ";
  }
  void OnResized(std::uint64_t size) override { heard += "=" + std::to_string(size) + " "; }
};

// Two users of one node, both listening.
struct Scene {
  Scene() {
    a.SetObserver(&at_a);
    b.SetObserver(&at_b);
  }
  ~Scene() {
    a.SetObserver(nullptr);
    b.SetObserver(nullptr);
  }
  Bench bench;
  FakeNode& node = bench.AddFake("n", 8192);
  BlockRef a = bench.Use(node);
  BlockRef b = bench.Use(node);
  Listener at_a;
  Listener at_b;
};

}  // namespace

TEST(AWriteIsToldToTheOtherUser) {
  Scene s;
  CHECK_OK(s.bench.Write(s.a, 100, Data(50)));
  CHECK_EQ(s.at_b.heard, "100+50 ");
  CHECK_EQ(s.at_a.heard, "");
}

TEST(EveryKindOfChangeIsTold) {
  Scene s;
  CHECK_OK(s.bench.Run(s.b.WriteZeroes(0, 10, {})));
  CHECK_OK(s.bench.Run(s.b.Discard(10, 10)));
  CHECK_OK(s.bench.Run(s.b.Truncate(9000, Prealloc::kOff)));
  CHECK_EQ(s.at_a.heard, "0+10 10+10 =9000 ");
}

TEST(AReadIsToldToNobody) {
  Scene s;
  s.bench.Read(s.a, 0, 100);
  CHECK_OK(s.bench.Run(s.a.Flush(FlushMode::kDisk)));
  CHECK_EQ(s.at_b.heard, "");
}

TEST(AWriterWithoutObserverIsHeard) {
  Scene s;
  s.a.SetObserver(nullptr);
  CHECK_OK(s.bench.Write(s.a, 1, Data(2)));
  CHECK_EQ(s.at_b.heard, "1+2 ");
}

TEST(WhoHasLeftHearsNothing) {
  Scene s;
  s.b = s.bench.Use(s.node);  // a new user without observer
  CHECK_OK(s.bench.Write(s.a, 1, Data(2)));
  CHECK_EQ(s.at_b.heard, "");
}

TEST(ThePermissionsOfAllUsersReachTheNode) {
  Bench bench;
  FakeNode& node = bench.AddFake("n", 512);
  const BlockRef a = bench.Use(node, {.used = kPermConsistentRead, .shared = kPermAll});
  {
    const BlockRef b = bench.Use(node, {.used = kPermWrite, .shared = kPermConsistentRead});
    CHECK_EQ(node.asked.used, kPermConsistentRead | kPermWrite);
    CHECK_EQ(node.asked.shared, std::uint32_t{kPermConsistentRead});
  }
  CHECK_EQ(node.asked.used, std::uint32_t{kPermConsistentRead});
  CHECK_EQ(node.asked.shared, kPermAll);
}

TEST(SetPermissionsIsAllOrNothing) {
  Bench bench;
  FakeNode& node = bench.AddFake("n", 512);
  BlockRef a = bench.Use(node, kReader);
  const BlockRef b = bench.Use(node, {.used = 0, .shared = kPermConsistentRead});
  CHECK_MESSAGE(a.SetPermissions(kWriter), "unshared by the test");
  CHECK(a.permissions() == kReader);
  CHECK_EQ(node.asked.used, std::uint32_t{kPermConsistentRead});
}

TEST(ARefusalOfTheNodeIsARefusal) {
  Bench bench;
  FakeNode& node = bench.AddFake("n", 512);
  BlockRef a = bench.Use(node, kReader);
  node.permission_answer = Error{Errno{EAGAIN}, "locked by somebody"};
  CHECK_MESSAGE(a.SetPermissions(kWriter), "locked by somebody");
  CHECK(a.permissions() == kReader);
  node.permission_answer = Unit{};
}

TEST(EachLoopHasAGateOfItsOwn) {
  Bench bench;
  BlockRef ref = bench.Use(bench.AddFake("n", 512));
  const auto data = LoopThread::Start({.name = "data"}, bench.workers);
  CHECK_OK(data);
  const std::array<AioContext*, 2> loops{bench.loop.get(), &(*data)->loop()};
  ref.UseOn(loops);
  struct GateOf {
    static Task<Gate*> Here(const BlockRef& ref) { co_return &ref.gate(); }
    static Task<Gate*> On(AioContext& loop, const BlockRef& ref) {
      Gate* const gate = co_await RunOn<Gate*>(loop, Here(ref));
      co_return gate;
    }
  };
  Gate* const here = bench.Run(GateOf::Here(ref));
  Gate* const there = bench.Run(GateOf::On((*data)->loop(), ref));
  CHECK(here != there);
}

TEST(AMovedRefLeavesNothingBehind) {
  Bench bench;
  FakeNode& node = bench.AddFake("n", 512);
  BlockRef a = bench.Use(node);
  BlockRef b = std::move(a);
  CHECK(!a);
  CHECK(b);
  b = BlockRef();
  CHECK_EQ(node.asked.used, 0u);
}

namespace {

Task<Unit> WriteMany(const BlockRef& ref) {
  const Data data(64);
  for (int i = 0; i < 300; ++i) {
    const Result<> r = co_await ref.Write(0, data.vec(), {});
    FB_ASSERT(r.ok());
    co_await AioContext::Current().Yield();
  }
  co_return Unit{};
}

Task<Unit> WriteOn(AioContext& loop, const BlockRef& ref) {
  co_await RunOn<Unit>(loop, WriteMany(ref));
  co_return Unit{};
}

struct Busy {
  Bench bench;
  FakeNode& node = bench.AddFake("n", 512);
  BlockRef writer = bench.Use(node);
};

// Users come and go while another loop writes.
Task<Unit> ComeAndGo(Busy& s, AioContext& loop) {
  TaskScope scope;
  scope.Spawn(WriteOn(loop, s.writer));
  for (int i = 0; i < 100; ++i) {
    Listener listener;
    Result<BlockRef, Error> other = s.bench.graph.Use("n", kReader, "a guest");
    other->SetObserver(&listener);
    co_await s.bench.loop->Yield();
  }
  co_await scope.Join();
  co_return Unit{};
}

}  // namespace

TEST(ObserversMayComeAndGoWhileAnotherLoopWrites) {
  Busy s;
  const auto data = LoopThread::Start({.name = "data"}, s.bench.workers);
  CHECK_OK(data);
  s.bench.Run(ComeAndGo(s, (*data)->loop()));
}

}  // namespace fusebay::test
