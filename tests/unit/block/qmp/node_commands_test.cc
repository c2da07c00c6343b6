// Tests of the commands that open, close and change nodes: what they do and what they answer.
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
  std::string Do(std::string_view name, const std::string& arguments) {
    return client.Do(name, arguments);
  }
  std::string AddFile(const std::string& name, std::uint64_t size, const char* more = "") {
    return Do("blockdev-add", "{'driver': 'file', 'node-name': '" + name + "', 'filename': '" +
                                  folder.Sparse(name, size) + "'" + more + "}");
  }
  std::string AddRaw(const std::string& name, const std::string& file, const char* more = "") {
    return Do("blockdev-add",
              "{'driver': 'raw', 'node-name': '" + name + "', 'file': '" + file + "'" + more + "}");
  }
};

const std::string kDone = "{}";

TEST(ANodeIsAddedAndDeleted) {
  Scene scene;
  CHECK_EQ(scene.AddFile("f", 4096), kDone);
  CHECK(scene.bench.graph.Find("f") != nullptr);
  CHECK_EQ(scene.Do("blockdev-del", "{'node-name': 'f'}"), kDone);
  CHECK(scene.bench.graph.Find("f") == nullptr);
}

TEST(ANodeBelowAnotherIsDeletedAfterIt) {
  Scene scene;
  CHECK_EQ(scene.AddFile("f", 4096), kDone);
  CHECK_EQ(scene.AddRaw("r", "f"), kDone);
  CHECK_EQ(scene.Do("blockdev-del", "{'node-name': 'f'}"), std::string("Block device f is in use"));
  CHECK_EQ(scene.Do("blockdev-del", "{'node-name': 'r'}"), kDone);
  CHECK_EQ(scene.Do("blockdev-del", "{'node-name': 'f'}"), kDone);
}

TEST(ANodeInUseStays) {
  Scene scene;
  scene.AddFile("f", 4096);
  const BlockRef user = scene.bench.Use(*scene.bench.graph.Find("f"));
  CHECK_EQ(scene.Do("blockdev-del", "{'node-name': 'f'}"), std::string("Node f is in use"));
}

TEST(ADefinedChildGoesWithItsParent) {
  Scene scene;
  const std::string path = scene.folder.Sparse("a", 4096);
  CHECK_EQ(scene.Do("blockdev-add",
                    "{'driver': 'raw', 'node-name': 'r', 'file': {'driver': 'file',"
                    " 'node-name': 'f', 'filename': '" +
                        path + "'}}"),
           kDone);
  CHECK_EQ(scene.Do("blockdev-del", "{'node-name': 'f'}"),
           std::string("Node f is not owned by the monitor"));
  CHECK_EQ(scene.Do("blockdev-del", "{'node-name': 'r'}"), kDone);
  CHECK(scene.bench.graph.nodes().empty());
}

TEST(NamesAreChecked) {
  Scene scene;
  CHECK_EQ(scene.AddFile("f", 4096), kDone);
  CHECK_EQ(scene.Do("blockdev-add", "{'driver': 'null-co', 'node-name': 'f'}"),
           std::string("Duplicate nodes with node-name='f'"));
  CHECK_EQ(scene.Do("blockdev-add", "{'driver': 'null-co', 'node-name': '9'}"),
           std::string("Invalid node-name: '9'"));
  CHECK_EQ(scene.Do("blockdev-add", "{'driver': 'null-co', 'node-name': ''}"),
           std::string("Invalid node-name: ''"));
  CHECK_EQ(scene.Do("blockdev-add", "{'driver': 'null-co'}"),
           std::string("'node-name' must be specified for the root node"));
  CHECK_EQ(scene.Do("blockdev-del", "{'node-name': 'x'}"),
           std::string("Failed to find node with node-name='x'"));
}

TEST(WhatCannotBeOpenedIsSaid) {
  Scene scene;
  CHECK_EQ(scene.Do("blockdev-add", "{'driver': 'raw', 'node-name': 'r', 'file': 'x'}"),
           std::string("Cannot find device='x' nor node-name='x'"));
  const std::string missing = scene.folder.Name("missing");
  CHECK_EQ(scene.Do("blockdev-add",
                    "{'driver': 'file', 'node-name': 'f', 'filename': '" + missing + "'}"),
           "Could not open '" + missing + "': No such file or directory");
  scene.AddFile("f", 4096);
  CHECK(scene.Do("blockdev-add", "{'driver': 'qcow2', 'node-name': 'q', 'file': 'f'}")
            .ends_with("Image is not in qcow2 format"));
}

TEST(ZeroesAreUnmappedOnlyWithDiscards) {
  Scene scene;
  CHECK_EQ(scene.AddFile("f", 4096, ", 'detect-zeroes': 'unmap'"),
           std::string("setting detect-zeroes to unmap is not allowed without setting discard "
                       "operation to unmap"));
  CHECK_EQ(scene.AddFile("f", 4096, ", 'detect-zeroes': 'unmap', 'discard': 'unmap'"), kDone);
}

TEST(ANodeCannotBeItsOwnChild) {
  Scene scene;
  CHECK_EQ(scene.AddRaw("r", "r"),
           std::string("Making 'r' a file child of 'r' would create a cycle"));
}

TEST(AResizeChangesTheNode) {
  Scene scene;
  scene.AddFile("f", 4096);
  CHECK_EQ(scene.Do("block_resize", "{'node-name': 'f', 'size': 8192}"), kDone);
  CHECK_EQ(scene.bench.graph.Find("f")->size(), 8192u);
}

TEST(AResizeNeedsANodeAndASize) {
  Scene scene;
  scene.AddFile("f", 4096);
  CHECK_EQ(scene.Do("block_resize", "{'size': 0}"),
           std::string("Cannot find device='' nor node-name=''"));
  CHECK_EQ(scene.Do("block_resize", "{'device': 'f', 'size': 0}"),
           std::string("Cannot find device='f' nor node-name=''"));
  CHECK_EQ(scene.Do("block_resize", "{'device': 'd', 'node-name': 'x', 'size': 0}"),
           std::string("Cannot find device='d' nor node-name='x'"));
  CHECK_EQ(scene.Do("block_resize", "{'node-name': 'f', 'size': -1}"),
           std::string("Parameter 'size' expects a >0 size"));
  scene.AddFile("ro", 4096, ", 'read-only': true");
  CHECK_EQ(scene.Do("block_resize", "{'node-name': 'ro', 'size': 0}"),
           std::string("Image is read-only"));
}

TEST(ClientsAreToldBeforeAChangeIsAnswered) {
  Scene scene;
  int settled = 0;
  scene.nodes.SetSettle([&settled] {
    ++settled;
    return Task<Unit>(Unit{});
  });
  scene.AddFile("f", 4096);
  scene.Do("block_resize", "{'node-name': 'x', 'size': 8192}");
  CHECK_EQ(settled, 0);
  scene.Do("block_resize", "{'node-name': 'f', 'size': 8192}");
  CHECK_EQ(settled, 1);
}

TEST(AReopenNeedsNames) {
  Scene scene;
  CHECK_EQ(scene.Do("blockdev-reopen", "{'options': []}"), kDone);
  CHECK_EQ(scene.Do("blockdev-reopen", "{'options': [{'driver': 'null-co'}]}"),
           std::string("node-name not specified"));
  CHECK_EQ(scene.Do("blockdev-reopen", "{'options': [{'driver': 'null-co', 'node-name': 'x'}]}"),
           std::string("Failed to find node with node-name='x'"));
}

TEST(AReopenMakesANodeReadOnly) {
  Scene scene;
  scene.AddFile("f", 4096);
  scene.AddRaw("r", "f");
  CHECK_EQ(scene.Do("blockdev-reopen",
                    "{'options': [{'driver': 'raw', 'node-name': 'r',"
                    " 'file': 'f', 'read-only': true}]}"),
           kDone);
  CHECK(scene.bench.graph.Find("r")->read_only());
  CHECK(!scene.bench.graph.Find("f")->read_only());
}

TEST(ASnapshotInAFileGoesOnTop) {
  Scene scene;
  scene.AddFile("f", 1 << 20);
  const std::string overlay = scene.folder.Name("overlay.qcow2");
  const BlockRef user = scene.bench.Use(*scene.bench.graph.Find("f"), kReader);
  CHECK_EQ(scene.Do("blockdev-snapshot-sync",
                    "{'node-name': 'f', 'snapshot-node-name': 's',"
                    " 'snapshot-file': '" +
                        overlay + "'}"),
           kDone);
  CHECK_EQ(user.node().node_name(), std::string("s"));
}

TEST(ASnapshotSyncNeedsNames) {
  Scene scene;
  scene.AddFile("f", 1 << 20);
  CHECK_EQ(scene.Do("blockdev-snapshot-sync", "{'snapshot-file': 'x'}"),
           std::string("Cannot find device='' nor node-name=''"));
  CHECK_EQ(scene.Do("blockdev-snapshot-sync", "{'node-name': 'f', 'snapshot-file': 'x'}"),
           std::string("New overlay node-name missing"));
  CHECK_EQ(scene.Do("blockdev-snapshot-sync",
                    "{'node-name': 'f', 'snapshot-file': 'x', 'snapshot-node-name': 'f'}"),
           std::string("New overlay node-name already in use"));
  CHECK_EQ(scene.Do("blockdev-snapshot", "{'node': 'x', 'overlay': 'f'}"),
           std::string("Cannot find device='x' nor node-name='x'"));
}

TEST(ABackingFileCanBeRenamedOnlyWhereThereIsOne) {
  Scene scene;
  scene.AddFile("f", 1 << 20);
  CHECK_EQ(scene.Do("change-backing-file",
                    "{'device': 'x', 'image-node-name': 'f', 'backing-file': 'b'}"),
           std::string("Cannot find device='x' nor node-name='x'"));
  CHECK_EQ(scene.Do("change-backing-file",
                    "{'device': 'f', 'image-node-name': 'f', 'backing-file': 'b'}"),
           std::string("not allowing backing file change on an image without a backing file"));
  scene.AddRaw("r", "f");
  CHECK_EQ(scene.Do("change-backing-file",
                    "{'device': 'f', 'image-node-name': 'f', 'backing-file': 'b'}"),
           std::string("Need a root block node"));
}

TEST(AWriteThresholdIsSetAndTakenBack) {
  Scene scene;
  scene.AddFile("f", 65536);
  const BlockNode& node = *scene.bench.graph.Find("f");
  const std::string set = "{'node-name': 'f', 'write-threshold': ";
  CHECK_EQ(scene.Do("block-set-write-threshold", set + "4096}"), kDone);
  CHECK_EQ(node.write_threshold(), 4096u);
  CHECK_EQ(scene.Do("block-set-write-threshold", set + "0}"), kDone);
  CHECK_EQ(node.write_threshold(), 0u);
  CHECK_EQ(scene.Do("block-set-write-threshold", "{'node-name': 'x', 'write-threshold': 1}"),
           std::string("Device 'x' not found"));
}

}  // namespace
}  // namespace fusebay::test
