// Exports by id, with real mounts: adding, removing, users' umounts, live changes of what they
// show.
#include "export/exports.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>

#include "../fuse/transport/mount_fixture.h"
#include "block/graph_query.h"
#include "block/live_reopen.h"
#include "block/live_snapshot.h"
#include "block/qcow2_create.h"
#include "loopback_fixture.h"

namespace fusebay::test {

namespace {

using fuse::test::TemporaryMountpoints;
using fuse::test::TopMount;

constexpr std::uint64_t kSize = 1 << 20;
constexpr unsigned kTimeoutSeconds = 60;

struct Scene : ExportsObserver {
  Scene() {
    fuse::test::RequireMounts();
    ::alarm(kTimeoutSeconds);
    AddMemory("disk");
    exports.SetObserver(this);
  }
  ~Scene() override {
    static_cast<void>(stage.Run(exports.StopAll()).ok());
    ::alarm(0);
  }
  void AddMemory(const std::string& name, bool read_only = false) {
    BlockdevOptions options{.driver = "memory", .node_name = name, .read_only = read_only};
    options.driver_options = MemoryOptions{.size = kSize};
    stage.Open(options);
  }
  // A qcow2 image in memory under `name`.
  void AddImage(const std::string& name) {
    AddMemory("f-" + name);
    CHECK_OK(stage.Run(MakeImage("f-" + name)));
    BlockdevOptions options{.driver = "qcow2", .node_name = name};
    Qcow2Options own;
    own.file.node_name = "f-" + name;
    options.driver_options = std::move(own);
    stage.Open(options);
  }
  Task<Result<Unit, Error>> MakeImage(std::string file_name) {
    CO_ASSIGN(const BlockRef file,
              stage.graph.Use(file_name, {kPermWrite | kPermResize | kPermConsistentRead}, "test"));
    const Result<Unit, Error> made = co_await CreateQcow2(file, BlockRef(), {.size = kSize});
    co_return made;
  }
  FuseExportOptions Options(const std::string& id, const TemporaryMountpoints& where,
                            const std::string& node = "disk", bool writable = true) const {
    return {.id = id, .node_name = node, .mountpoint = where.file, .writable = writable};
  }
  Result<Unit, Error> Add(const FuseExportOptions& options) {
    return stage.Run(exports.Add(options, stage.loops));
  }
  Result<Unit, Error> Remove(const std::string& id, RemoveMode mode = RemoveMode::kSafe) {
    return stage.Run(exports.Remove(id, mode));
  }
  void OnExportDeleted(const std::string& id) override { deleted += id + " "; }

  Stage stage;
  Exports exports{stage.graph};
  TemporaryMountpoints one;
  TemporaryMountpoints two;
  std::string deleted;
};

UniqueFd OpenFile(const std::string& path, int flags) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC));
  CHECK(fd.valid());
  return fd;
}

off_t SizeOf(int fd) {
  struct stat st{};
  CHECK_EQ(::fstat(fd, &st), 0);
  return st.st_size;
}

}  // namespace

TEST(AnExportIsListedUntilItIsRemoved) {
  Scene s;
  CHECK_OK(s.Add(s.Options("e", s.one)));
  const std::vector<ExportInfo> all = s.exports.Query();
  CHECK_EQ(all.size(), 1u);
  CHECK_EQ(all[0].id, "e");
  CHECK_EQ(all[0].type, "fuse");
  CHECK_EQ(all[0].node_name, "disk");
  CHECK(!all[0].shutting_down);
  CHECK_OK(s.Remove("e"));
  CHECK_EQ(s.deleted, "e ");
  CHECK(s.exports.Query().empty());
  CHECK_OK(s.stage.Run(s.stage.graph.Remove("disk")));
}

TEST(BadExportsSayWhatQemuSays) {
  Scene s;
  s.AddMemory("ro", true);
  CHECK_OK(s.Add(s.Options("e", s.one)));
  CHECK_MESSAGE(s.Add(s.Options("e", s.two)), "Block export id 'e' is already in use");
  CHECK_MESSAGE(s.Add(s.Options("1e", s.two)), "Invalid block export id");
  CHECK_MESSAGE(s.Add(s.Options("x", s.two, "no")), "Cannot find device='' nor node-name='no'");
  CHECK_MESSAGE(s.Add(s.Options("x", s.two, "ro")), "Cannot export read-only node as writable");
  CHECK_MESSAGE(s.Add(s.Options("x", s.one)), "There already is a FUSE export on");
  CHECK_MESSAGE(s.Remove("x"), "Export 'x' is not found");
  CHECK_EQ(s.exports.Query().size(), 1u);
}

TEST(AnExportInUseIsRemovedByForceOnly) {
  Scene s;
  CHECK_OK(s.Add(s.Options("e", s.one)));
  const UniqueFd open = OpenFile(s.one.file, O_RDONLY);
  CHECK_MESSAGE(s.Remove("e"), "export 'e' still in use");
  CHECK_EQ(s.deleted, "");
  CHECK_OK(s.Remove("e", RemoveMode::kHard));
  CHECK_EQ(s.deleted, "e ");
}

TEST(AUsersUmountEndsTheExport) {
  Scene s;
  CHECK_OK(s.Add(s.Options("e", s.one)));
  CHECK_EQ(::umount(s.one.file.c_str()), 0);
  for (int i = 0; i < 20'000 && s.deleted.empty(); ++i) {
    s.stage.Run(s.stage.control->SleepFor(std::chrono::milliseconds(1)));
  }
  CHECK_EQ(s.deleted, "e ");
  CHECK(s.exports.Query().empty());
  CHECK_OK(s.Add(s.Options("e", s.one)));
}

namespace {

Task<std::string> RemoveTwice(Scene& s) {
  TaskScope scope;
  struct First {
    static Task<Unit> Remove(Scene& scene) {
      const Result<Unit, Error> removed = co_await scene.exports.Remove("e", RemoveMode::kSafe);
      FB_ASSERT(removed.ok());
      co_return Unit{};
    }
  };
  scope.Spawn(First::Remove(s));
  const bool listed = s.exports.Query().at(0).shutting_down;
  const Result<Unit, Error> second = co_await s.exports.Remove("e", RemoveMode::kSafe);
  co_await scope.Join();
  co_return listed && !second.ok() ? second.error().message : "";
}

}  // namespace

TEST(AnExportIsShutDownOnce) {
  Scene s;
  CHECK_OK(s.Add(s.Options("e", s.one)));
  CHECK_EQ(s.stage.Run(RemoveTwice(s)), "Export 'e' is already shutting down");
  CHECK_EQ(s.deleted, "e ");
}

TEST(StopAllEndsThemAll) {
  Scene s;
  CHECK_OK(s.Add(s.Options("a", s.one)));
  CHECK_OK(s.Add(s.Options("b", s.two)));
  const UniqueFd open = OpenFile(s.one.file, O_RDONLY);
  CHECK_OK(s.stage.Run(s.exports.StopAll()));
  CHECK_EQ(s.deleted.size(), 4u);
  CHECK_EQ(TopMount(s.two.file).type, "");
}

namespace {

struct Overtaken {
  Result<Unit, Error> added = Unit{};
  Result<Unit, Error> late = Unit{};
};

Task<Unit> AddInto(Scene& s, const FuseExportOptions& options, Result<Unit, Error>& added) {
  added = co_await s.exports.Add(options, s.stage.loops);
  co_return Unit{};
}

// Begins to add one, ends them all, and adds another one while they end.
Task<Overtaken> EndWhileAdding(Scene& s, FuseExportOptions first, FuseExportOptions second) {
  struct Ending {
    static Task<Unit> End(Scene& scene) {
      const Result<Unit, Error> ended = co_await scene.exports.StopAll();
      FB_ASSERT(ended.ok());
      co_return Unit{};
    }
  };
  Overtaken overtaken;
  TaskScope scope;
  scope.Spawn(AddInto(s, first, overtaken.added));
  scope.Spawn(Ending::End(s));
  scope.Spawn(AddInto(s, second, overtaken.late));
  co_await scope.Join();
  co_return overtaken;
}

}  // namespace

TEST(NothingIsAddedOnceTheyEnd) {
  Scene s;
  s.AddMemory("other");
  const Overtaken overtaken =
      s.stage.Run(EndWhileAdding(s, s.Options("a", s.one), s.Options("b", s.two, "other")));
  CHECK_OK(overtaken.added);
  CHECK_MESSAGE(overtaken.late, "Exports are shutting down");
  CHECK_EQ(s.deleted, "a ");
  CHECK_EQ(TopMount(s.one.file).type, "");
  CHECK_EQ(TopMount(s.two.file).type, "");
  CHECK(s.exports.Query().empty());
}

TEST(ANewSizeIsSeenAtOnce) {
  Scene s;
  CHECK_OK(s.Add(s.Options("e", s.one)));
  const UniqueFd open = OpenFile(s.one.file, O_RDWR);
  CHECK_EQ(SizeOf(open.get()), static_cast<off_t>(kSize));
  for (const off_t size : {2 << 20, 1 << 19, 3 << 20}) {
    CHECK_OK(s.stage.Run(ResizeNode(s.stage.graph, "disk", static_cast<std::uint64_t>(size))));
    s.stage.Run(s.exports.SettleClients());
    CHECK_EQ(SizeOf(open.get()), size);
    CHECK_EQ(::lseek(open.get(), 0, SEEK_END), size);
  }
  CHECK_EQ(::pwrite(open.get(), "end", 3, (3 << 20) - 3), ssize_t{3});
}

namespace {

// A client that writes and reads back until it is told to stop.
class Client {
 public:
  explicit Client(const std::string& path) : thread_([this, path] { Work(path); }) {}
  ~Client() { Stop(); }
  void Stop() {
    stop_ = true;
    if (thread_.joinable()) {
      thread_.join();
    }
  }
  std::atomic<int> rounds{0};
  std::atomic<int> errors{0};

 private:
  void Work(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_DIRECT));
    errors += fd.valid() ? 0 : 1;
    alignas(4096) static thread_local std::array<char, 4096> out;
    alignas(4096) static thread_local std::array<char, 4096> in;
    for (int i = 0; fd.valid() && !stop_; ++i) {
      out.fill(static_cast<char>('a' + i % 26));
      const off_t at = (i % 128) * 8192;
      const bool good = ::pwrite(fd.get(), out.data(), out.size(), at) == 4096 &&
                        ::pread(fd.get(), in.data(), in.size(), at) == 4096 && in == out;
      errors += good ? 0 : 1;
      ++rounds;
    }
  }
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

void WaitForRounds(Scene& s, const Client& client, int count) {
  const int target = client.rounds + count;
  while (client.rounds < target && client.errors == 0) {
    s.stage.Run(s.stage.control->SleepFor(std::chrono::milliseconds(1)));
  }
}

}  // namespace

TEST(SnapshotsAndReopensAreAPauseForClients) {
  Scene s;
  for (int i = 0; i < 5; ++i) {
    s.AddImage("n" + std::to_string(i));
  }
  CHECK_OK(s.Add(s.Options("e", s.one, "n0")));
  Client client(s.one.file);
  for (int i = 0; i < 4; ++i) {
    const std::string above = "n" + std::to_string(i + 1);
    WaitForRounds(s, client, 10);
    CHECK_OK(s.stage.Run(TakeSnapshot(s.stage.graph, "n" + std::to_string(i), above)));
    WaitForRounds(s, client, 10);
    BlockdevOptions options{.driver = "qcow2", .node_name = above};
    Qcow2Options own;
    own.file.node_name = "f-" + above;
    own.backing.node_name = "n" + std::to_string(i);
    own.caches.l2_cache_size = 64u << 10;
    options.driver_options = std::move(own);
    std::vector<BlockdevOptions> all;
    all.push_back(std::move(options));
    CHECK_OK(s.stage.Run(ReopenNodes(s.stage.graph, std::move(all))));
  }
  WaitForRounds(s, client, 10);
  client.Stop();
  CHECK_EQ(client.errors.load(), 0);
  CHECK_EQ(s.exports.Query().at(0).node_name, "n4");
  CHECK_OK(s.Remove("e"));
}

TEST(RequestsAreCounted) {
  Scene s;
  CHECK_OK(s.Add(s.Options("e", s.one)));
  {
    const UniqueFd fd = OpenFile(s.one.file, O_RDWR | O_DIRECT);
    alignas(4096) static std::array<char, 8192> data;
    CHECK_EQ(::pwrite(fd.get(), data.data(), 8192, 4096), ssize_t{8192});
    CHECK_EQ(::pread(fd.get(), data.data(), 4096, 0), ssize_t{4096});
    CHECK_EQ(::fsync(fd.get()), 0);
  }
  const std::vector<UserStats> users = CollectUserStats(s.stage.graph);
  CHECK_EQ(users.size(), 1u);
  CHECK_EQ(users[0].user, "export 'e'");
  const IoStats& stats = users[0].stats;
  CHECK_EQ(stats.of(IoKind::kWrite).operations, 1u);
  CHECK_EQ(stats.of(IoKind::kWrite).bytes, 8192u);
  CHECK_EQ(stats.of(IoKind::kRead).bytes, 4096u);
  CHECK(stats.of(IoKind::kFlush).operations >= 1);
  CHECK_EQ(stats.write_highest_offset, 12288u);
  CHECK(stats.of(IoKind::kWrite).total_ns > 0);
  CHECK(stats.IdleTime(Clock::now()).has_value());
  CHECK_OK(s.Remove("e"));
  CHECK_EQ(CollectStats(s.stage.graph).at(0).stats.of(IoKind::kWrite).bytes, 8192u);
}

}  // namespace fusebay::test
