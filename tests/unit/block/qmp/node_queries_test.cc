// Tests of the queries of nodes.
#include "block/qcow2_create.h"
#include "block/qmp_block.h"
#include "graph_internal.h"
#include "qmp_fixture.h"

namespace fusebay::test {
namespace {

struct Scene {
  TemporaryFolder folder;
  Bench bench;
  QmpClient client{*bench.loop};
  NodeCommands nodes{bench.graph};
  NodeQueries queries{bench.graph};

  Scene() {
    nodes.AddTo(client.commands);
    queries.AddTo(client.commands);
  }
  std::string AddFile(const std::string& name, const char* more = "") {
    return client.Do("blockdev-add", "{'driver': 'file', 'node-name': '" + name +
                                         "', 'filename': '" + folder.Sparse(name, 1 << 20) + "'" +
                                         more + "}");
  }
  void AddImage(const std::string& name, const std::string& more) {
    AddFile("f-" + name);
    Qcow2CreateOptions options;
    options.size = 1 << 20;
    {
      const BlockRef file = bench.Use(*bench.graph.Find("f-" + name));
      CHECK_OK(bench.Run(CreateQcow2(file, BlockRef(), options)));
    }
    CHECK_EQ(client.Do("blockdev-add", "{'driver': 'qcow2', 'node-name': '" + name +
                                           "', 'file': 'f-" + name + "'" + more + "}"),
             std::string("{}"));
  }
  void Query(const char* arguments = "{}") {
    CHECK_EQ(client.Do("query-named-block-nodes", arguments)[0], '[');
  }
  std::string At(std::string_view path) { return client.TextAt(path); }
};

TEST(ThereAreNoDevices) {
  Scene scene;
  scene.AddFile("f");
  CHECK_EQ(scene.client.Do("query-block"), std::string("[]"));
  CHECK_EQ(scene.client.Do("query-blockstats"), std::string("[]"));
}

TEST(NodesAreListedNewestFirst) {
  Scene scene;
  scene.AddFile("f");
  scene.AddFile("g");
  scene.Query();
  CHECK_EQ(scene.At("0.node-name"), std::string("\"g\""));
  CHECK_EQ(scene.At("1.node-name"), std::string("\"f\""));
}

TEST(AFileNodeTellsItsOptionsAndSize) {
  Scene scene;
  scene.AddFile("f", ", 'read-only': true, 'cache': {'no-flush': true}");
  scene.Query();
  CHECK_EQ(scene.At("0.ro"), std::string("true"));
  CHECK_EQ(scene.At("0.drv"), std::string("\"file\""));
  CHECK_EQ(scene.At("0.cache"),
           std::string("{\"writeback\": true, \"direct\": false, \"no-flush\": true}"));
  CHECK_EQ(scene.At("0.image.virtual-size"), std::string("1048576"));
  CHECK_EQ(scene.At("0.image.dirty-flag"), std::string("false"));
  CHECK_EQ(scene.At("0.image.format-specific"), std::string("(none)"));
  CHECK_EQ(scene.At("0.file"), scene.At("0.image.filename"));
}

TEST(AnImageTellsItsFormat) {
  Scene scene;
  scene.AddImage("q", "");
  scene.Query();
  CHECK_EQ(scene.At("0.image.cluster-size"), std::string("65536"));
  CHECK_EQ(scene.At("0.image.format-specific.type"), std::string("\"qcow2\""));
  CHECK_EQ(scene.At("0.image.format-specific.data.refcount-bits"), std::string("16"));
  CHECK_EQ(scene.At("0.image.format-specific.data.compression-type"), std::string("\"zlib\""));
  CHECK_EQ(scene.At("0.backing_file"), std::string("(none)"));
}

TEST(BackingImagesAreToldUnlessFlat) {
  Scene scene;
  scene.AddImage("b", "");
  scene.AddImage("q", ", 'backing': 'b'");
  scene.Query();
  CHECK_EQ(scene.At("0.backing_file_depth"), std::string("1"));
  CHECK_EQ(scene.At("0.image.backing-image.format"), std::string("\"qcow2\""));
  CHECK_EQ(scene.At("0.backing_file"), scene.At("0.image.backing-image.filename"));
  scene.Query("{'flat': true}");
  CHECK_EQ(scene.At("0.node-name"), std::string("\"q\""));
  CHECK_EQ(scene.At("0.image.backing-image"), std::string("(none)"));
}

TEST(StatisticsCountWhatUsersHaveAsked) {
  Scene scene;
  scene.AddFile("f");
  BlockRef user = scene.bench.Use(*scene.bench.graph.Find("f"));
  AioContext* const loops[] = {scene.bench.loop.get()};
  user.UseOn(loops);
  const auto ask = [](const BlockRef& ref) -> Task<Unit> {
    const Clock::time_point now = Clock::now();
    ref.counters().Succeeded(IoKind::kWrite, 512, 4608, now, now + Nanoseconds(1500));
    ref.counters().Failed(IoKind::kRead, now);
    co_return Unit{};
  };
  scene.bench.Run(ask(user));
  scene.client.Do("query-blockstats", "{'query-nodes': true}");
  CHECK_EQ(scene.At("0.node-name"), std::string("\"f\""));
  CHECK_EQ(scene.At("0.stats.wr_operations"), std::string("1"));
  CHECK_EQ(scene.At("0.stats.wr_bytes"), std::string("512"));
  CHECK_EQ(scene.At("0.stats.wr_total_time_ns"), std::string("1500"));
  CHECK_EQ(scene.At("0.stats.wr_highest_offset"), std::string("4608"));
  CHECK_EQ(scene.At("0.stats.failed_rd_operations"), std::string("1"));
  CHECK_EQ(scene.At("0.stats.wr_latency_histogram"),
           std::string("{\"boundaries\": [1024, 2048], \"bins\": [0, 1, 0]}"));
  CHECK_EQ(scene.At("0.stats.flush_latency_histogram"), std::string("(none)"));
  CHECK(scene.client.At("0.stats.idle_time_ns") != nullptr);
}

TEST(StatisticsNameTheNodeBelow) {
  Scene scene;
  scene.AddImage("q", "");
  scene.client.Do("query-blockstats", "{'query-nodes': true}");
  CHECK_EQ(scene.At("0.node-name"), std::string("\"f-q\""));
  CHECK_EQ(scene.At("0.parent"), std::string("(none)"));
  CHECK_EQ(scene.At("1.node-name"), std::string("\"q\""));
  CHECK_EQ(scene.At("1.parent.node-name"), std::string("\"f-q\""));
}

TEST(TheGraphShowsWhoUsesWhat) {
  Scene scene;
  scene.AddImage("q", "");
  const BlockRef user = scene.bench.Use(*scene.bench.graph.Find("q"));
  scene.client.Do("x-debug-query-block-graph");
  CHECK_EQ(scene.At("nodes.0"),
           std::string("{\"id\": 1, \"type\": \"block-driver\", \"name\": \"f-q\"}"));
  CHECK_EQ(scene.At("nodes.1.name"), std::string("\"q\""));
  CHECK_EQ(scene.At("nodes.2.type"), std::string("\"block-backend\""));
  CHECK_EQ(scene.At("edges.0.parent"), std::string("2"));
  CHECK_EQ(scene.At("edges.0.child"), std::string("1"));
  CHECK_EQ(scene.At("edges.0.name"), std::string("\"file\""));
  CHECK_EQ(scene.At("edges.1.parent"), std::string("3"));
  CHECK_EQ(scene.At("edges.1.name"), std::string("\"root\""));
  CHECK_EQ(scene.At("edges.1.perm"), std::string("[\"consistent-read\", \"write\", \"resize\"]"));
}

TEST(ANodeThatIsBeingOpenedIsNotInTheGraph) {
  Scene scene;
  scene.AddImage("q", "");
  BlockGraph::Impl& graph = scene.bench.graph.impl();
  const auto use = graph.UseAsChild(*graph.Find("q"), kReader, "#block7", ChildRole::kFile);
  CHECK_OK(use);
  scene.client.Do("x-debug-query-block-graph");
  CHECK_EQ(scene.At("edges.1"), std::string("(none)"));
}

TEST(AWriteThresholdIsShown) {
  Scene scene;
  scene.AddImage("q", "");
  scene.bench.graph.Find("q")->set_write_threshold(65536);
  scene.client.Do("query-named-block-nodes");
  CHECK_EQ(scene.At("0.node-name"), std::string("\"q\""));
  CHECK_EQ(scene.At("0.write_threshold"), std::string("65536"));
  CHECK_EQ(scene.At("1.write_threshold"), std::string("0"));
}

}  // namespace
}  // namespace fusebay::test
