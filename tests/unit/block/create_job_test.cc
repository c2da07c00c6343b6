// blockdev-create: files, qcow2 images, and how they fail.
#include "block/create_job.h"

#include "block/live_reopen.h"
#include "block/live_snapshot.h"
#include "block_fixture.h"
#include "job_fixture.h"
#include "working_folder.h"

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
  // The error of a change that is made while a job makes an image in "r".
  std::string Meanwhile(Task<Result<Unit, Error>> change) {
    return bench.Run(MeanwhileTask(std::move(change)));
  }
  Task<std::string> MeanwhileTask(Task<Result<Unit, Error>> change) {
    FB_ASSERT(jobs.Start(MakeCreateJob(bench.graph, "other", Image(1 << 20, "r"))).ok());
    const Result<Unit, Error> changed = co_await std::move(change);
    FB_ASSERT(jobs.Find("other")->status() == JobStatus::kRunning);
    while (jobs.Find("other")->status() != JobStatus::kConcluded) {
      co_await AioContext::Current().Yield();
    }
    FB_ASSERT(jobs.Find("other")->error().empty());
    FB_ASSERT(jobs.Dismiss("other").ok());
    co_return changed.ok() ? std::string() : changed.error().message;
  }
  Task<Result<Unit, Error>> UseTask(PermissionSet permissions) {
    CO_ASSIGN(const BlockRef ref, bench.graph.Use("r", permissions, "export 'e'"));
    co_return Unit{};
  }
  Task<Result<Unit, Error>> SecondTask() {
    const std::string error = co_await CreateTask(Image(1 << 20, "r"));
    co_return Error{Errno{EIO}, error};
  }
  Task<Result<Unit, Error>> ReopenTask(std::string name, std::string file) {
    BlockdevOptions options = Raw(file);
    options.node_name = std::move(name);
    std::vector<BlockdevOptions> all;
    all.push_back(std::move(options));
    return ReopenNodes(bench.graph, std::move(all));
  }
  // "r" over "below" over a node that takes its time.
  void AddSlowNode() {
    bench.AddFake("slow", 0).yields = true;
    for (const char* const name : {"below", "r"}) {
      BlockdevOptions raw = Raw(name == std::string_view("r") ? "below" : "slow");
      raw.node_name = name;
      bench.Open(raw);
    }
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

// The process may be in another folder than when the data file was opened.
TEST(ADataFileElsewhereIsNamedByItsPath) {
  Scene s;
  s.AddFile();
  const TemporaryFolder elsewhere;
  {
    const WorkingFolder before(elsewhere.path());
    BlockdevOptions options = File("data");
    options.node_name = "d";
    CHECK_EQ(s.Create(CreateFileOptions{.filename = "data", .size = 0}), "");
    s.bench.Open(options);
    ::unlink("data");
  }
  CreateQcow2Options create = s.Image(1 << 20);
  create.data_file.node_name = "d";
  CHECK_EQ(s.Create(std::move(create)), "");
  const std::string path = s.bench.Run(s.bench.graph.Find("f")->Info())->filename;
  const std::vector<std::byte> bytes = FileBytes(path);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  CHECK(text.find(elsewhere.path() + "/data") != std::string_view::npos);
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

TEST(ANodeThatAJobUsesDoesNotChange) {
  Scene s;
  s.AddSlowNode();
  BlockGraph& graph = s.bench.graph;
  CHECK_EQ(s.Meanwhile(s.ReopenTask("r", "below")), "Node 'r' is busy: job 'other' uses it");
  CHECK_EQ(s.Meanwhile(s.ReopenTask("below", "slow")), "Node 'below' is busy: job 'other' uses it");
  CHECK_EQ(s.Meanwhile(ResizeNode(graph, "r", 512)), "Node 'r' is busy: job 'other' uses it");
  CHECK_EQ(s.bench.Run(s.ReopenTask("r", "below")).ok(), true);
}

TEST(NoSnapshotIsTakenOfANodeThatAJobUses) {
  Scene s;
  s.AddFile();
  CHECK_EQ(s.Create(s.Image(1 << 20)), "");
  BlockdevOptions overlay;
  overlay.driver = "qcow2";
  overlay.node_name = "o";
  Qcow2Options own;
  own.file.node_name = "f";
  overlay.driver_options = std::move(own);
  s.bench.Open(overlay);
  s.AddSlowNode();
  CHECK_EQ(s.Meanwhile(TakeSnapshot(s.bench.graph, "r", "o")),
           "Node 'r' is busy: job 'other' uses it");
}

TEST(OthersMayLookAtTheNodeOfAJobButNotChangeIt) {
  Scene s;
  s.AddSlowNode();
  CHECK_EQ(s.Meanwhile(s.UseTask(kReader)), "");
  CHECK(s.Meanwhile(s.UseTask(kWriter)).starts_with("Permission conflict on node 'r'"));
}

TEST(TwoJobsDoNotMakeAnImageInOneNode) {
  Scene s;
  s.AddSlowNode();
  CHECK_EQ(s.Meanwhile(s.SecondTask()),
           "Permission conflict on node 'r': permissions 'write, resize' are both required by "
           "blockdev-create (uses node 'r' as 'root' child) and unshared by blockdev-create (uses "
           "node 'r' as 'root' child).");
}

}  // namespace fusebay::test
