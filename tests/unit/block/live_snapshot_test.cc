// Live snapshots: who sees what afterwards, and what is refused.
#include "block/live_snapshot.h"

#include "core/scope.h"
#include "live_fixture.h"

namespace fusebay::test {

TEST(AnExportFollowsToTheOverlay) {
  LiveScene s;
  s.AddImage("a");
  s.AddImage("o");
  const BlockRef e = s.Export("a");
  s.Write(e, 0, "below");
  CHECK_OK(s.Snapshot("a", "o"));
  CHECK_EQ(e.node().node_name(), "o");
  CHECK_EQ(s.Read(e, 0, 5), "below");
  s.Write(e, 0, "above");
  CHECK_EQ(s.Read(e, 0, 5), "above");
  const BlockRef base = s.bench.Use(s.Node("a"), kReader);
  CHECK_EQ(s.Read(base, 0, 5), "below");
}

TEST(TheNodeBelowBecomesReadOnly) {
  LiveScene s;
  s.AddImage("a");
  s.AddImage("o");
  const BlockRef e = s.Export("a");
  s.Write(e, 0, "data");
  CHECK_OK(s.Snapshot("a", "o"));
  CHECK(s.Node("a").read_only());
  CHECK(!s.Node("f-a").read_only());
  CHECK_EQ(s.Read(e, 0, 4), "data");
}

TEST(AnotherSnapshotGoesOnTop) {
  LiveScene s;
  for (const char* const name : {"a", "b", "c"}) {
    s.AddImage(name);
  }
  const BlockRef e = s.Export("a");
  s.Write(e, 0, "aaa");
  CHECK_OK(s.Snapshot("a", "b"));
  s.Write(e, 1, "b");
  CHECK_OK(s.Snapshot("b", "c"));
  s.Write(e, 2, "c");
  CHECK_EQ(s.Read(e, 0, 3), "abc");
  CHECK_MESSAGE(s.bench.Run(s.bench.graph.Remove("a")),
                "Node 'a' is busy: node is used as backing hd of 'b'");
}

TEST(ASnapshotIsRefusedAsByQemu) {
  LiveScene s;
  s.AddImage("a");
  s.AddImage("o");
  s.AddImage("used");
  CHECK_MESSAGE(s.Snapshot("x", "o"), "Cannot find device='x' nor node-name='x'");
  CHECK_MESSAGE(s.Snapshot("a", "x"), "Cannot find device='x' nor node-name='x'");
  CHECK_MESSAGE(s.Snapshot("a", "a"), "Making 'a' a backing child of 'a' would create a cycle");
  CHECK_MESSAGE(s.Snapshot("a", "f-o"), "The overlay is already in use");
  const BlockRef user = s.Export("used");
  CHECK_MESSAGE(s.Snapshot("a", "used"), "The overlay is already in use");
  CHECK_OK(s.Snapshot("a", "o"));
  CHECK_MESSAGE(s.Snapshot("used", "o"), "The overlay already has a backing image");
  CHECK_MESSAGE(s.Snapshot("a", "used"), "Node 'a' is busy: node is used as backing hd of 'o'");
}

TEST(AnOverlayWithoutBackingImagesIsRefused) {
  LiveScene s;
  s.AddImage("a");
  s.bench.AddFake("n", 512);
  CHECK_MESSAGE(s.Snapshot("a", "n"), "The overlay does not support backing images");
}

TEST(AReadOnlyOverlayIsNotForWriters) {
  LiveScene s;
  s.AddImage("a");
  s.AddImage("o");
  BlockdevOptions read_only = s.ImageOptionsOf("o", "f-o");
  read_only.read_only = true;
  CHECK_OK(s.Reopen(std::move(read_only)));
  const BlockRef e = s.Export("a");
  CHECK_MESSAGE(s.Snapshot("a", "o"), "Block node is read-only");
  CHECK_EQ(e.node().node_name(), "a");
  s.Write(e, 0, "still");
}

TEST(AnOverlayOfAnotherSizeIsTold) {
  LiveScene s;
  s.AddImage("a");
  s.AddImage("o", 2 * LiveScene::kSize);
  Listener listener;
  BlockRef e = s.Export("a");
  e.SetObserver(&listener);
  CHECK_OK(s.Snapshot("a", "o"));
  CHECK_EQ(listener.size, 2 * LiveScene::kSize);
  CHECK_EQ(listener.written, 0);
}

TEST(AnOverlayWithDataOfItsOwnIsTold) {
  LiveScene s;
  s.AddImage("a");
  s.AddImage("o");
  s.Write(s.bench.Use(s.Node("o")), 0, "own");
  Listener listener;
  BlockRef e = s.Export("a");
  e.SetObserver(&listener);
  CHECK_OK(s.Snapshot("a", "o"));
  CHECK_EQ(listener.written, 1);
  CHECK_EQ(s.Read(e, 0, 3), "own");
}

TEST(AnOverlayThatWritesTheNodeIsRefused) {
  LiveScene s;
  s.AddImage("q");
  CHECK_MESSAGE(
      s.Snapshot("f-q", "q"),
      "Permission conflict on node 'f-q': permissions 'write, resize' are both required by node "
      "'q' (uses node 'f-q' as 'file' child) and unshared by node 'q' (uses node 'f-q' as "
      "'backing' child).");
  const BlockRef e = s.Export("q");
  s.Write(e, 0, "still");
  CHECK_EQ(s.Read(e, 0, 5), "still");
}

TEST(MostIsFlushedWhileOthersGoOn) {
  LiveScene s;
  FlushedNode& node = s.AddFlushed("a");
  s.AddImage("o");
  const BlockRef e = s.Export("a");
  node.exported = &e;
  CHECK_OK(s.Snapshot("a", "o"));
  CHECK(node.waits == (std::vector<bool>{false, true}));
  node.exported = nullptr;
}

namespace {

Task<Unit> KeepWriting(const BlockRef& ref, const bool& stop, int& writes) {
  const Data data = Data::Pattern(4096);
  while (!stop) {
    {
      const Gate::Pass pass = co_await ref.gate().Enter();
      const Result<> r =
          co_await ref.Write(static_cast<std::uint64_t>(writes % 256) * 4096, data.vec(), {});
      FB_ASSERT(r.ok());
    }
    ++writes;
    co_await AioContext::Current().Yield();
  }
  co_return Unit{};
}

Task<int> SnapshotsUnderLoad(LiveScene& s, const BlockRef& ref, int count) {
  TaskScope load;
  bool stop = false;
  int writes = 0;
  for (int i = 0; i < 4; ++i) {
    load.Spawn(KeepWriting(ref, stop, writes));
  }
  int failures = 0;
  for (int i = 0; i < count; ++i) {
    const std::string below = "n" + std::to_string(i);
    const std::string above = "n" + std::to_string(i + 1);
    const int before = writes;
    while (writes < before + 20) {
      co_await AioContext::Current().Yield();
    }
    const Result<Unit, Error> taken = co_await TakeSnapshot(s.bench.graph, below, above);
    failures += taken.ok() ? 0 : 1;
  }
  stop = true;
  co_await load.Join();
  co_return failures;
}

}  // namespace

TEST(WritesGoOnOverManySnapshots) {
  LiveScene s;
  constexpr int kSnapshots = 5;
  for (int i = 0; i <= kSnapshots; ++i) {
    s.AddImage("n" + std::to_string(i));
  }
  const BlockRef e = s.Export("n0");
  CHECK_EQ(s.bench.Run(SnapshotsUnderLoad(s, e, kSnapshots)), 0);
  CHECK_EQ(e.node().node_name(), "n5");
}

}  // namespace fusebay::test
