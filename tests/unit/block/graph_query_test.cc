// What a manager is told about nodes.
#include "block/graph_query.h"

#include "live_fixture.h"

namespace fusebay::test {

namespace {

NodeInfo Describe(LiveScene& s, const std::string& name) {
  const Result<NodeInfo, Error> info = s.bench.Run(DescribeNode(s.bench.graph, name));
  CHECK_OK(info);
  return *info;
}

}  // namespace

TEST(AChainIsToldFromAbove) {
  LiveScene s;
  s.AddImage("a");
  s.AddImage("o");
  const BlockRef e = s.Export("a");
  CHECK_OK(s.Snapshot("a", "o"));
  const NodeInfo info = Describe(s, "o");
  CHECK_EQ(info.driver, "qcow2");
  CHECK_EQ(info.backing_depth, 1u);
  CHECK(info.file.ends_with("/o.qcow2"));
  CHECK(info.backing_file.ends_with("/a.qcow2"));
  CHECK_EQ(info.chain.at(0).virtual_size, LiveScene::kSize);
  CHECK_EQ(info.children.size(), 2u);
  CHECK_EQ(info.children[1].node_name, "a");
  CHECK_EQ(info.users.at(0), "export 'e'");
  CHECK(Describe(s, "a").read_only);
}

TEST(OptionsInEffectAreTold) {
  LiveScene s;
  BlockdevOptions options = s.FileOptionsOf("f", s.folder.Sparse("x", 4096));
  options.cache.no_flush = true;
  options.detect_zeroes = DetectZeroes::kOn;
  s.bench.Open(options);
  CHECK(Describe(s, "f").cache.no_flush);
  CHECK(Describe(s, "f").detect_zeroes == DetectZeroes::kOn);
  options.cache.no_flush = false;
  CHECK_OK(s.Reopen(CopyOf(options)));
  CHECK(!Describe(s, "f").cache.no_flush);
}

TEST(AllNodesAreToldTheNewestFirst) {
  LiveScene s;
  s.AddImage("a");
  s.bench.AddFake("fake", 512);
  const std::vector<NodeInfo> all = s.bench.Run(DescribeNodes(s.bench.graph));
  CHECK_EQ(all.size(), 3u);
  CHECK_EQ(all[0].node_name, "fake");
  CHECK_EQ(all[2].node_name, "f-a");
}

TEST(AnUnknownNodeIsNamed) {
  LiveScene s;
  CHECK_MESSAGE(s.bench.Run(DescribeNode(s.bench.graph, "x")),
                "Cannot find device='' nor node-name='x'");
}

TEST(ANodeKeepsTheCountsOfUsersThatAreGone) {
  LiveScene s;
  s.bench.AddFake("n", 512);
  {
    const BlockRef e = s.Export("n");
    s.bench.loop->Post([&e] { IoTimer(e.counters(), IoKind::kRead).Succeeded(100); });
    while (s.bench.loop->RunOnce(false)) {
    }
    CHECK_EQ(CollectUserStats(s.bench.graph).at(0).stats.of(IoKind::kRead).bytes, 100u);
  }
  CHECK_EQ(CollectStats(s.bench.graph).at(0).stats.of(IoKind::kRead).bytes, 100u);
}

}  // namespace fusebay::test
