// OpenImage: from a name to a node, and every way that is refused.
#include "block_fixture.h"

namespace fusebay::test {

namespace {

using namespace std::string_view_literals;

struct Scene {
  Result<BlockNode*, Error> Open(const ImageRequest& request) {
    return bench.Run(OpenImage(bench.graph, request));
  }
  Result<BlockNode*, Error> Open(const std::string& filename) {
    return Open(ImageRequest{.filename = filename, .format = {}, .node_name = "disk"});
  }
  TemporaryFolder folder;
  Bench bench;
};

}  // namespace

TEST(AFileWithoutSignatureIsRaw) {
  Scene s;
  const auto node = s.Open(s.folder.Sparse("disk.img", 5000));
  CHECK_OK(node);
  CHECK_EQ((*node)->node_name(), "disk");
  CHECK_EQ((*node)->driver_name(), "raw"sv);
  CHECK_EQ((*node)->size(), 5000u);
  CHECK((*node)->read_only());
}

TEST(RemovingTheImageClosesItsFile) {
  Scene s;
  CHECK_OK(s.Open(s.folder.Sparse("disk.img", 512)));
  CHECK_OK(s.bench.Run(s.bench.graph.Remove("disk")));
  CHECK(s.bench.graph.nodes().empty());
}

TEST(AnEmptyFileIsAnEmptyRawImage) {
  Scene s;
  const auto node = s.Open(s.folder.Sparse("empty", 0));
  CHECK_OK(node);
  CHECK_EQ((*node)->size(), 0u);
}

TEST(AnotherFormatIsRefusedByName) {
  Scene s;
  const std::string path = s.folder.File("x.vmdk", "KDMV....");
  CHECK_MESSAGE(s.Open(path), path + ": this is an image of the format 'vmdk'");
  CHECK_MESSAGE(s.Open(path), "give --format raw");
  CHECK(s.bench.graph.nodes().empty());
}

TEST(AFormatKnownByItsEndIsRefused) {
  Scene s;
  std::string text(2048, 'x');
  text.replace(2048 - 512, 4, "koly");
  CHECK_MESSAGE(s.Open(s.folder.File("x.dmg", text)), "the format 'dmg'");
}

TEST(FormatRawOpensAnything) {
  Scene s;
  CHECK_OK(s.Open(ImageRequest{.filename = s.folder.File("x", "KDMV...."), .format = "raw"}));
}

TEST(AMissingFileIsNamedOnce) {
  Scene s;
  const auto r = s.Open("/nonexistent/disk.img");
  CHECK_MESSAGE(r, "Could not open '/nonexistent/disk.img': No such file or directory");
}

TEST(AnUnknownFormatIsRefused) {
  Scene s;
  const std::string path = s.folder.Sparse("a", 512);
  CHECK_MESSAGE(s.Open(ImageRequest{.filename = path, .format = "vmdk"}),
                path + ": unknown image format 'vmdk'");
  CHECK_MESSAGE(s.Open(ImageRequest{.filename = path, .format = "file"}),
                "unknown image format 'file'");
}

TEST(AWindowOfARawImage) {
  Scene s;
  const auto node = s.Open(ImageRequest{.filename = s.folder.Sparse("a", 5000),
                                        .format = "raw",
                                        .node_name = "disk",
                                        .offset = 100,
                                        .size = 1000});
  CHECK_OK(node);
  CHECK_EQ((*node)->size(), 1000u);
}

TEST(RawHasNoSnapshots) {
  Scene s;
  ImageRequest request{.filename = s.folder.Sparse("a", 512)};
  request.snapshot = "one";
  CHECK_MESSAGE(s.Open(request), "a raw image has no snapshots");
  request.writable = true;
  CHECK_MESSAGE(s.Open(request), "a snapshot can be exported read-only only");
}

TEST(AFixedSizeCannotGrow) {
  Scene s;
  CHECK_MESSAGE(
      s.Open(ImageRequest{
          .filename = s.folder.Sparse("a", 512), .writable = true, .resizable = true, .size = 100}),
      "a raw image with a fixed size cannot grow");
}

TEST(AGuessedRawImageIsGuarded) {
  Scene s;
  const std::string path = s.folder.Sparse("a", 4096);
  const auto node = s.Open(ImageRequest{.filename = path, .writable = true});
  CHECK_OK(node);
  const BlockRef ref = s.bench.Use(**node);
  Data magic(512);
  std::memcpy(magic.begin(), "KDMV", 4);
  CHECK_ERRNO(s.bench.Write(ref, 0, magic), EPERM);
}

TEST(AnImageThatSomebodyWritesIsNotProbed) {
  Scene s;
  const std::string path = s.folder.Sparse("a", 4096);
  const BlockRef writer = s.bench.Use(s.bench.Open(File(path)));
  CHECK_MESSAGE(s.Open(path), "Failed to get shared \"write\" lock");
}

}  // namespace fusebay::test
