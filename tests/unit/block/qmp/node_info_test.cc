// Tests of what the queries tell about nodes.
#include "node_info.h"

#include "block/qcow2_create.h"
#include "block/qmp_block.h"
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

TEST(BackingImagesAreTold) {
  Scene scene;
  scene.AddImage("b", "");
  scene.AddImage("q", ", 'backing': 'b'");
  scene.Query();
  CHECK_EQ(scene.At("0.backing_file_depth"), std::string("1"));
  CHECK_EQ(scene.At("0.image.backing-image.format"), std::string("\"qcow2\""));
  CHECK_EQ(scene.At("0.backing_file"), scene.At("0.image.backing-image.filename"));
}

TEST(AFlatQueryLeavesBackingImagesOut) {
  Scene scene;
  scene.AddImage("b", "");
  scene.AddImage("q", ", 'backing': 'b'");
  scene.Query("{'flat': true}");
  CHECK_EQ(scene.At("0.node-name"), std::string("\"q\""));
  CHECK_EQ(scene.At("0.image.backing-image"), std::string("(none)"));
  CHECK_EQ(scene.At("0.backing_file_depth"), std::string("0"));
}

TEST(SnapshotsAndBitmapsAreTold) {
  ImageInfo info;
  info.format = "qcow2";
  info.snapshots.push_back({.id = "1", .name = "s", .vm_clock_nsec = 2'000'000'003, .icount = 7});
  info.bitmaps.push_back({.name = "b", .granularity = 65536, .flags = {"auto", "in-use"}});
  const qapi::ImageInfo out = ToQapi(info);
  CHECK_EQ(out.snapshots->at(0).vm_clock_sec, 2);
  CHECK_EQ(out.snapshots->at(0).vm_clock_nsec, 3);
  CHECK_EQ(*out.snapshots->at(0).icount, 7);
  const auto& own = std::get<qapi::ImageInfoSpecificQCow2Wrapper>(out.format_specific->u).data;
  CHECK_EQ(own.bitmaps->at(0).flags.size(), 2u);
  CHECK(own.bitmaps->at(0).flags[0] == qapi::Qcow2BitmapInfoFlags::kAuto);
}

}  // namespace
}  // namespace fusebay::test
