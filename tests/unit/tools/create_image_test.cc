// Making images in files: what is there afterwards, also after an error.
#include "create_image.h"

#include <fstream>

#include "tools_fixture.h"

using namespace fusebay;
using fusebay::test::TempFolder;

namespace {

struct Bench {
  TempFolder folder;
  WorkerPool workers;
  std::unique_ptr<AioContext> loop = MakeLoop(workers);

  static std::unique_ptr<AioContext> MakeLoop(WorkerPool& workers) {
    auto loop = AioContext::Create({.name = "test", .engine = EngineKind::kThreads}, workers);
    CHECK_OK(loop);
    return std::move(*loop);
  }
  CreateImageRequest Request(const std::string& name, bool is_raw) const {
    CreateImageRequest request;
    request.filename = folder / name;
    request.is_raw = is_raw;
    request.options.size = 1 << 20;
    return request;
  }
  Result<Unit, Error> Create(const CreateImageRequest& request) const {
    return CreateImage(*loop, request);
  }
  std::uint64_t SizeOf(const std::string& name) const {
    return std::filesystem::file_size(folder / name);
  }
};

}  // namespace

TEST(ARawImageHasItsSize) {
  const Bench bench;
  CHECK_OK(bench.Create(bench.Request("x", true)));
  CHECK_EQ(bench.SizeOf("x"), 1u << 20);
}

TEST(AnExistingFileIsOverwritten) {
  const Bench bench;
  std::ofstream(bench.folder / "x") << "old";
  CHECK_OK(bench.Create(bench.Request("x", true)));
  CHECK_EQ(std::ifstream(bench.folder / "x").get(), 0);
}

TEST(WrongOptionsLeaveWhatWasThere) {
  const Bench bench;
  std::ofstream(bench.folder / "x") << "old";
  for (const std::string name : {"x", "y"}) {
    CreateImageRequest request = bench.Request(name, false);
    request.options.cluster_size = 1000;
    CHECK_MESSAGE(bench.Create(request), "Cluster size must be");
  }
  CHECK_EQ(bench.SizeOf("x"), 3u);
  CHECK(!std::filesystem::exists(bench.folder / "y"));
}

TEST(AnErrorLeavesNoNewFile) {
  const Bench bench;
  CreateImageRequest request = bench.Request("x", false);
  request.options.data_file = bench.folder / "no/data";
  CHECK_MESSAGE(bench.Create(request), "Could not create");
  CHECK(!std::filesystem::exists(bench.folder / "x"));
}

TEST(AnImageIsNotItsOwnDataFile) {
  const Bench bench;
  CreateImageRequest request = bench.Request("x", false);
  request.options.data_file = request.filename;
  CHECK_MESSAGE(bench.Create(request), "cannot be its own data file");
  CHECK(!std::filesystem::exists(bench.folder / "x"));
}

TEST(ADataFileIsMadeToo) {
  const Bench bench;
  CreateImageRequest request = bench.Request("x", false);
  request.options.data_file = bench.folder / "data";
  CHECK_OK(bench.Create(request));
  CHECK_EQ(bench.SizeOf("data"), 1u << 20);
}
