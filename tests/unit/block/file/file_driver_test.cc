// The options of `file` and `host_device`.
#include "file/file_driver.h"

#include "file_fixture.h"
#include "working_folder.h"

namespace fusebay::test {

namespace {

struct Scene {
  Result<BlockNode*, Error> Open(const Way& way) {
    return bench.TryOpen(FileBy(way, folder.Sparse("disk", 512)));
  }
  TemporaryFolder folder;
  Bench bench;
};

}  // namespace

TEST(LibaioNeedsODirect) {
  Scene s;
  CHECK_MESSAGE(s.Open({.loop = {}, .aio = EngineKind::kNative, .direct = false}),
                "aio=native was specified, but it requires cache.direct=on, which was not "
                "specified.");
  CHECK_OK(s.Open({.loop = {}, .aio = EngineKind::kNative, .direct = true}));
}

TEST(TheFilesPlaceIsKnownWhateverTheFolderIs) {
  Scene s;
  const std::string path = s.folder.Sparse("disk", 512);
  const WorkingFolder before(s.folder.path());
  BlockNode& node = s.bench.Open(File("disk"));
  const WorkingFolder later("/");
  const Result<ImageInfo, Error> info = s.bench.Run(node.Info());
  CHECK_OK(info);
  CHECK_EQ(info->filename, "disk");
  CHECK_EQ(info->path, path);
}

TEST(AMissingFilenameIsSaid) {
  Scene s;
  CHECK_MESSAGE(s.bench.TryOpen(File("")), "Parameter 'filename' is missing");
  BlockdevOptions options;
  options.driver = "host_device";
  CHECK_MESSAGE(s.bench.TryOpen(options), "Parameter 'filename' is missing");
}

TEST(ALoopThatNeverSawTheFileUsesItsEngine) {
  TemporaryFolder folder;
  Bench bench(EngineKind::kThreads);
  const Way way{.loop = {}, .aio = EngineKind::kIoUring, .direct = true};
  BlockNode& node = bench.Open(FileBy(way, folder.Sparse("disk", 8192)));
  const BlockRef ref = bench.Use(node);
  const auto other =
      AioContext::Create({.name = "other", .engine = EngineKind::kThreads}, bench.workers);
  CHECK_OK(other);
  const Data data = Data::Pattern(8192);
  CHECK_OK((*other)->RunUntilDone(ref.Write(0, data.vec(), {})));
  CHECK(bench.Read(ref, 0, 8192) == data);
}

}  // namespace fusebay::test
