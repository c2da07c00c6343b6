// Live snapshots with overlay files: made, opened, and taken away again.
#include "block/live_snapshot.h"
#include "core/scope.h"
#include "live_fixture.h"
#include "working_folder.h"

namespace fusebay::test {

namespace {

SnapshotSyncRequest FileRequest(LiveScene& s, const std::string& node, const std::string& overlay) {
  return {
      .node_name = node, .filename = s.folder.Name(overlay + ".qcow2"), .overlay_name = overlay};
}

Result<Unit, Error> InFile(LiveScene& s, const SnapshotSyncRequest& request) {
  return s.bench.Run(TakeSnapshotInFile(s.bench.graph, request));
}

void AddClosedImage(LiveScene& s, const std::string& name) {
  s.AddImage(name);
  CHECK_OK(s.bench.Run(s.bench.graph.Remove(name)));
  CHECK_OK(s.bench.Run(s.bench.graph.Remove("f-" + name)));
}

void OpenRelative(LiveScene& s, const std::string& name) {
  s.bench.Open(s.FileOptionsOf("f-" + name, name + ".qcow2"));
  s.bench.Open(s.ImageOptionsOf(name, "f-" + name));
}

std::string BackingName(LiveScene& s, const std::string& name) {
  const Result<ImageInfo, Error> info = s.bench.Run(s.Node(name).Info());
  CHECK_OK(info);
  return info->backing_filename;
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

// As after --daemonize: a relative name of the base means another file by now.
TEST(AnOverlayElsewhereNamesARelativeBaseByItsPlace) {
  LiveScene s;
  AddClosedImage(s, "a");
  {
    const WorkingFolder before(s.folder.path());
    OpenRelative(s, "a");
  }
  const BlockRef e = s.Export("a");
  TemporaryFolder elsewhere;
  const std::string overlay = elsewhere.Name("s1.qcow2");
  CHECK_OK(InFile(s, {.node_name = "a", .filename = overlay, .overlay_name = "s1"}));
  CHECK_EQ(BackingName(s, "s1"), s.folder.path() + "/a.qcow2");
}

TEST(AnOverlayInTheSameFolderNamesARelativeBaseByItsBareName) {
  LiveScene s;
  AddClosedImage(s, "a");
  {
    const WorkingFolder before(s.folder.path());
    OpenRelative(s, "a");
  }
  const BlockRef e = s.Export("a");
  CHECK_OK(InFile(s, FileRequest(s, "a", "s1")));
  CHECK_EQ(BackingName(s, "s1"), "a.qcow2");
}

// Neither name has a folder, but they were given in different ones.
TEST(ABareNameInAnotherFolderIsAnotherFile) {
  LiveScene s;
  AddClosedImage(s, "a");
  {
    const WorkingFolder before(s.folder.path());
    OpenRelative(s, "a");
  }
  const BlockRef e = s.Export("a");
  TemporaryFolder elsewhere;
  elsewhere.Name("s1.qcow2");
  const WorkingFolder later(elsewhere.path());
  CHECK_OK(InFile(s, {.node_name = "a", .filename = "s1.qcow2", .overlay_name = "s1"}));
  CHECK_EQ(BackingName(s, "s1"), s.folder.path() + "/a.qcow2");
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

namespace {

Task<Unit> TakeFile(LiveScene& s, const SnapshotSyncRequest& request, bool& ok) {
  const Result<Unit, Error> taken = co_await TakeSnapshotInFile(s.bench.graph, request);
  ok = taken.ok();
  co_return Unit{};
}

// A request that is in progress when the overlay has been made, and changes the size.
Task<bool> TakeFileWhileResized(LiveScene& s, const SnapshotSyncRequest& request,
                                const BlockRef& ref, std::uint64_t size) {
  TaskScope scope;
  bool ok = false;
  {
    const Gate::Pass pass = co_await ref.gate().Enter();
    scope.Spawn(TakeFile(s, request, ok));
    while (s.bench.graph.Find(request.overlay_name) == nullptr) {
      co_await AioContext::Current().SleepFor(std::chrono::milliseconds(1));
    }
    const Result<> resized = co_await ref.Truncate(size, Prealloc::kOff);
    FB_ASSERT(resized.ok());
  }
  co_await scope.Join();
  co_return ok;
}

}  // namespace

TEST(ANewOverlayIsAsLargeAsTheNodeHasBecome) {
  for (const std::uint64_t size : {2 * LiveScene::kSize + 100, LiveScene::kSize / 2}) {
    LiveScene s;
    s.AddImage("a");
    const BlockRef e = s.Export("a");
    CHECK(s.bench.Run(TakeFileWhileResized(s, FileRequest(s, "a", "s1"), e, size)));
    CHECK_EQ(e.node().node_name(), "s1");
    CHECK_EQ(e.size(), AlignUp(size, 512));
    s.Write(e, size - 4, "late");
    CHECK_EQ(s.Read(e, size - 4, 4), "late");
  }
}

TEST(AnOverlayDoesNotNameWhatHasNoName) {
  LiveScene s;
  s.AddImage("a");
  const auto refused = [&s](const BlockdevOptions& options, const std::string& message) {
    s.bench.Open(options);
    SnapshotSyncRequest request = FileRequest(s, options.node_name, "s1");
    CHECK_MESSAGE(InFile(s, request), message);
    CHECK_EQ(::access(request.filename.c_str(), F_OK), -1);
    CHECK_OK(s.bench.Run(s.bench.graph.Remove(options.node_name)));
  };
  s.bench.Open(s.FileOptionsOf("f", s.folder.Sparse("raw", 4096)));
  BlockdevOptions window = Raw("f");
  window.node_name = "w";
  auto& raw = std::get<RawOptions>(window.driver_options);
  raw.offset = 512;
  refused(window, "Node 'w' shows a part of its file, which cannot be named as a backing file");
  raw.offset = 0;
  raw.size = 512;
  refused(window, "Node 'w' shows a part of its file, which cannot be named as a backing file");
  BlockdevOptions filter;
  filter.driver = "compress";
  filter.node_name = "c";
  filter.driver_options = CompressOptions{.file = {.node_name = "a", .definition = nullptr}};
  refused(filter, "Node 'c' of driver 'compress' cannot be named as a backing file");
  BlockdevOptions memory;
  memory.driver = "memory";
  memory.node_name = "m";
  memory.driver_options = MemoryOptions{.size = 512};
  refused(memory, "Node 'm' of driver 'memory' cannot be named as a backing file");
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
