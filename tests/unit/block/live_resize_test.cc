// Resizing nodes in use, and other names for backing files.
#include "block/live_reopen.h"
#include "live_fixture.h"

namespace fusebay::test {

namespace {

Result<Unit, Error> Resize(LiveScene& s, const std::string& name, std::uint64_t size) {
  return s.bench.Run(ResizeNode(s.bench.graph, name, size));
}

Result<Unit, Error> Rename(LiveScene& s, const std::string& node, const std::string& image,
                           const std::string& file) {
  return s.bench.Run(ChangeBackingFile(s.bench.graph, node, image, file));
}

}  // namespace

TEST(AllUsersSeeTheNewSize) {
  LiveScene s;
  s.AddImage("a");
  Listener listener;
  BlockRef e = s.Export("a");
  e.SetObserver(&listener);
  CHECK_OK(Resize(s, "a", 2 * LiveScene::kSize));
  CHECK_EQ(e.size(), 2 * LiveScene::kSize);
  CHECK_EQ(listener.size, 2 * LiveScene::kSize);
  CHECK_OK(Resize(s, "a", 512));
  CHECK_EQ(listener.size, 512u);
}

TEST(AResizeIsRefusedAsByQemu) {
  LiveScene s;
  s.AddImage("a");
  s.AddImage("o");
  CHECK_MESSAGE(Resize(s, "x", 512), "Cannot find device='' nor node-name='x'");
  CHECK_MESSAGE(Resize(s, "f-a", 1024), "Permission conflict on node 'f-a'");
  CHECK_MESSAGE(Resize(s, "a", std::uint64_t{1} << 63), "The new size is too large");
  CHECK_OK(s.Snapshot("a", "o"));
  CHECK_MESSAGE(Resize(s, "a", 512), "Node 'a' is busy: node is used as backing hd of 'o'");
  BlockdevOptions read_only = s.ImageOptionsOf("o", "f-o");
  std::get<Qcow2Options>(read_only.driver_options).backing.node_name = "a";
  read_only.read_only = true;
  CHECK_OK(s.Reopen(std::move(read_only)));
  CHECK_MESSAGE(Resize(s, "o", 512), "Image is read-only");
}

TEST(ABackingFileGetsAnotherName) {
  LiveScene s;
  s.AddImage("a");
  s.AddImage("o");
  CHECK_OK(s.Snapshot("a", "o"));
  s.Write(s.bench.Use(s.Node("o")), 0, "data");
  CHECK_OK(Rename(s, "o", "o", "other.qcow2"));
  const Result<ImageInfo, Error> info = s.bench.Run(s.Node("o").Info());
  CHECK_EQ(info->backing_filename, "other.qcow2");
  CHECK_EQ(info->backing_format, "qcow2");
  const std::vector<std::byte> bytes = FileBytes(info->filename);
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()), 4096);
  CHECK(head.find("other.qcow2") != std::string_view::npos);
  CHECK_EQ(s.Read(s.bench.Use(s.Node("o")), 0, 4), "data");
}

TEST(AReadOnlyImageIsMadeWritableForItsNewName) {
  LiveScene s;
  for (const char* const name : {"a", "b", "c"}) {
    s.AddImage(name);
  }
  CHECK_OK(s.Snapshot("a", "b"));
  CHECK_OK(s.Snapshot("b", "c"));
  CHECK(s.Node("b").read_only());
  CHECK_OK(Rename(s, "c", "b", "x"));
  CHECK(s.Node("b").read_only());
  CHECK_EQ(s.bench.Run(s.Node("b").Info())->backing_filename, "x");
}

TEST(ANewNameIsRefusedAsByQemu) {
  LiveScene s;
  s.AddImage("a");
  s.AddImage("o");
  s.AddImage("other");
  CHECK_OK(s.Snapshot("a", "o"));
  CHECK_MESSAGE(Rename(s, "x", "o", "f"), "Cannot find device='x' nor node-name='x'");
  CHECK_MESSAGE(Rename(s, "o", "x", "f"), "Cannot find device='' nor node-name='x'");
  CHECK_MESSAGE(Rename(s, "o", "a", "f"),
                "not allowing backing file change on an image without a backing file");
  CHECK_MESSAGE(Rename(s, "other", "o", "f"), "'other' and image file are not in the same chain");
  CHECK_MESSAGE(Rename(s, "o", "o", std::string(2000, 'x')), "Could not change backing file to 'x");
}

}  // namespace fusebay::test
