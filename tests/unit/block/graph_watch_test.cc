// What happens to nodes is told on the observer's loop; a write threshold tells once.
#include "block/graph_watch.h"

#include "block_fixture.h"

namespace fusebay::test {

namespace {

struct Scene : GraphObserver {
  Scene() { bench.graph.SetObserver(this, *bench.loop); }
  ~Scene() override { bench.graph.SetObserver(nullptr, *bench.loop); }
  void OnImageCorrupted(const ImageCorruption&) override {}
  void OnWriteAboveThreshold(const WriteAboveThreshold& write) override { told.push_back(write); }
  void LetPostsRun() {
    while (bench.loop->RunOnce(false)) {
    }
  }

  Bench bench;
  FakeNode& node = bench.AddFake("n", 1 << 20);
  BlockRef ref = bench.Use(node);
  std::vector<WriteAboveThreshold> told;
};

}  // namespace

TEST(AWriteUpToTheThresholdIsNotTold) {
  Scene s;
  s.node.set_write_threshold(4096);
  CHECK_OK(s.bench.Write(s.ref, 0, Data(4096)));
  s.LetPostsRun();
  CHECK_EQ(s.told.size(), 0u);
  CHECK_EQ(s.node.write_threshold(), 4096u);
}

TEST(AWriteAboveItIsToldOnce) {
  Scene s;
  s.node.set_write_threshold(4096);
  CHECK_OK(s.bench.Write(s.ref, 4000, Data(100)));
  CHECK_OK(s.bench.Write(s.ref, 4000, Data(100)));
  s.LetPostsRun();
  CHECK_EQ(s.told.size(), 1u);
  CHECK_EQ(s.told[0].node_name, "n");
  CHECK_EQ(s.told[0].amount, 4u);
  CHECK_EQ(s.told[0].threshold, 4096u);
}

TEST(ZeroesCountAsAWrite) {
  Scene s;
  s.node.can_zero = true;
  s.node.set_write_threshold(4096);
  CHECK_OK(s.bench.Run(s.ref.WriteZeroes(0, 8192, {})));
  s.LetPostsRun();
  CHECK_EQ(s.told.size(), 1u);
}

TEST(NobodyIsToldWithoutAnObserver) {
  Scene s;
  s.bench.graph.SetObserver(nullptr, *s.bench.loop);
  s.node.set_write_threshold(1);
  CHECK_OK(s.bench.Write(s.ref, 0, Data(100)));
  s.LetPostsRun();
  CHECK_EQ(s.told.size(), 0u);
  CHECK_EQ(s.node.write_threshold(), 0u);
}

}  // namespace fusebay::test
