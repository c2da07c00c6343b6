// blockdev-create: files, qcow2 images, and how they fail.
#include "block/create_job.h"

#include "block_fixture.h"
#include "job_fixture.h"

namespace fusebay::test {

namespace {

struct Scene {
  Scene() { jobs.SetObserver(&log); }
  ~Scene() { bench.Run(jobs.CancelAll()); }
  // Runs the job to its end and returns its error.
  std::string Create(CreateOptions options) { return bench.Run(CreateTask(std::move(options))); }
  Task<std::string> CreateTask(CreateOptions options) {
    const Result<Unit, Error> started =
        jobs.Start(MakeCreateJob(bench.graph, "j", std::move(options)));
    FB_ASSERT(started.ok());
    const Job* const job = jobs.Find("j");
    while (job->status() != JobStatus::kConcluded) {
      co_await AioContext::Current().SleepFor(Nanoseconds(100'000));
    }
    std::string error = job->error();
    FB_ASSERT(job->current_progress() == 1 && job->total_progress() == 1);
    FB_ASSERT(jobs.Dismiss("j").ok());
    co_return error;
  }
  CreateQcow2Options Image(std::uint64_t size, const std::string& file = "f") {
    CreateQcow2Options create;
    create.file.node_name = file;
    create.options.size = size;
    return create;
  }
  void AddFile() {
    BlockdevOptions options = File(folder.File("image", std::string_view()));
    options.node_name = "f";
    bench.Open(options);
  }

  TemporaryFolder folder;
  Bench bench;
  JobLog log;
  Jobs jobs;
};

}  // namespace

TEST(AFileIsMade) {
  Scene s;
  const std::string path = s.folder.Name("x");
  CHECK_EQ(s.Create(CreateFileOptions{.filename = path, .size = 12345}), "");
  CHECK_EQ(FileSize(path), 12345u);
  CHECK_EQ(s.log.Take(), "created running waiting pending concluded null");
}

TEST(AnOldFileIsEmptiedFirst) {
  Scene s;
  const std::string path = s.folder.File("x", "old data");
  CHECK_EQ(s.Create(CreateFileOptions{.filename = path, .size = 4}), "");
  CHECK_EQ(FileBytes(path)[0], std::byte{0});
}

TEST(AFileThatCannotBeMadeConcludesTheJob) {
  Scene s;
  const std::string none = s.folder.Name("none/x");
  CHECK_EQ(s.Create(CreateFileOptions{.filename = none, .size = 1}),
           "Could not create '" + none + "': No such file or directory");
  CHECK_EQ(s.log.Take(), "created running aborting concluded null");
}

TEST(AFileInUseIsLeftAlone) {
  Scene s;
  s.AddFile();
  const BlockRef user = s.bench.Use(*s.bench.graph.Find("f"));
  CHECK_OK(s.bench.Run(user.Truncate(100, Prealloc::kOff)));
  const std::string path = s.bench.Run(s.bench.graph.Find("f")->Info())->filename;
  CHECK(s.Create(CreateFileOptions{.filename = path, .size = 1}).starts_with("Failed to get"));
  CHECK_EQ(FileSize(path), 100u);
}

TEST(AnImageIsMadeInANode) {
  Scene s;
  s.AddFile();
  CHECK_EQ(s.Create(s.Image(1 << 20)), "");
  BlockdevOptions qcow2;
  qcow2.driver = "qcow2";
  Qcow2Options own;
  own.file.node_name = "f";
  qcow2.driver_options = std::move(own);
  CHECK_EQ(s.bench.Open(qcow2).size(), std::uint64_t{1} << 20);
}

TEST(AFileDefinedForTheJobGoesWithIt) {
  Scene s;
  CreateQcow2Options create = s.Image(1 << 20, "");
  create.file.definition =
      std::make_unique<BlockdevOptions>(File(s.folder.File("image", std::string_view())));
  CHECK_EQ(s.Create(std::move(create)), "");
  CHECK(s.bench.graph.nodes().empty());
}

TEST(BadImagesSayWhatQemuSays) {
  Scene s;
  s.AddFile();
  CHECK_EQ(s.Create(s.Image(1 << 20, "x")), "Cannot find device='x' nor node-name='x'");
  CHECK_EQ(s.Create(s.Image(1000)), "Image size must be a multiple of 512 bytes");
  CreateQcow2Options create = s.Image(1 << 20);
  create.options.cluster_size = 1000;
  CHECK_EQ(s.Create(std::move(create)),
           "Cluster size must be a power of two between 512 and 2048k");
}

}  // namespace fusebay::test
