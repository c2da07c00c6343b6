// Live snapshots with overlay files: made, opened, and taken away again.
#include "block/live_snapshot.h"
#include "live_fixture.h"

namespace fusebay::test {

namespace {

SnapshotSyncRequest FileRequest(LiveScene& s, const std::string& node, const std::string& overlay) {
  return {
      .node_name = node, .filename = s.folder.Name(overlay + ".qcow2"), .overlay_name = overlay};
}

Result<Unit, Error> InFile(LiveScene& s, const SnapshotSyncRequest& request) {
  return s.bench.Run(TakeSnapshotInFile(s.bench.graph, request));
}

}  // namespace

TEST(ASnapshotInANewFileNamesItsBackingFile) {
  LiveScene s;
  s.AddImage("a");
  const BlockRef e = s.Export("a");
  s.Write(e, 0, "below");
  CHECK_OK(InFile(s, FileRequest(s, "a", "s1")));
  CHECK_EQ(e.node().node_name(), "s1");
  CHECK_EQ(s.Read(e, 0, 5), "below");
  const Result<ImageInfo, Error> info = s.bench.Run(s.Node("s1").Info());
  CHECK_OK(info);
  CHECK(info->backing_filename.ends_with("/a.qcow2"));
  CHECK_EQ(info->backing_format, "qcow2");
}

TEST(AnOverlayOfASnapshotGoesWithItsLastUser) {
  LiveScene s;
  s.AddImage("a");
  {
    const BlockRef e = s.Export("a");
    CHECK_OK(InFile(s, FileRequest(s, "a", "s1")));
  }
  CHECK_OK(s.bench.Run(s.bench.graph.CloseUnused()));
  CHECK(s.bench.graph.Find("s1") == nullptr);
  CHECK_OK(s.bench.Run(s.bench.graph.Remove("a")));
}

TEST(ASnapshotInAFileIsRefusedAsByQemu) {
  LiveScene s;
  s.AddImage("a");
  const BlockRef e = s.Export("a");
  const SnapshotSyncRequest request = FileRequest(s, "a", "s1");
  const std::string none = s.folder.Name("none/x");
  const auto with = [&request](auto change) {
    SnapshotSyncRequest changed = request;
    change(changed);
    return changed;
  };
  CHECK_MESSAGE(InFile(s, with([](auto& r) { r.node_name = "x"; })),
                "Cannot find device='' nor node-name='x'");
  CHECK_MESSAGE(InFile(s, with([](auto& r) { r.overlay_name = ""; })),
                "New overlay node-name missing");
  CHECK_MESSAGE(InFile(s, with([](auto& r) { r.overlay_name = "a"; })),
                "New overlay node-name already in use");
  CHECK_MESSAGE(InFile(s, with([](auto& r) { r.overlay_name = "1s"; })), "Invalid node-name: '1s'");
  CHECK_MESSAGE(InFile(s, with([](auto& r) { r.format = "raw"; })),
                "Backing file not supported for file format 'raw'");
  CHECK_MESSAGE(InFile(s, with([](auto& r) { r.format = "foo"; })), "Unknown file format 'foo'");
  CHECK_MESSAGE(InFile(s, with([&none](auto& r) { r.filename = none; })),
                "Could not create '" + none + "': No such file or directory");
  CHECK_MESSAGE(InFile(s, with([&none](auto& r) {
                         r.filename = none;
                         r.existing = true;
                       })),
                "Could not open '" + none + "': No such file or directory");
  CHECK_EQ(e.node().node_name(), "a");
  CHECK_EQ(s.bench.graph.nodes().size(), 2u);
}

}  // namespace fusebay::test
