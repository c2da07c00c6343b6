// FuseExport with a real mount: start and stop, mountpoints that are refused, a user's umount,
// several exports of one node, and what Stop leaves behind.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string>

#include "../fuse/transport/mount_fixture.h"
#include "export/fuse_export.h"
#include "loopback_fixture.h"

namespace fusebay::test {

namespace {

using fuse::test::TemporaryMountpoints;
using fuse::test::TopMount;
using std::chrono::milliseconds;

constexpr std::uint64_t kSize = 1 << 20;
constexpr unsigned kTimeoutSeconds = 60;

// A disk in memory that counts its flushes, and may fail them.
class CountingNode final : public BlockNode {
 public:
  explicit CountingNode(bool read_only)
      : BlockNode("disk", "counting", read_only), bytes_(kSize, std::byte{'.'}) {
    set_size(kSize);
  }
  std::string Text(std::size_t offset, std::size_t length) {
    const std::lock_guard lock(mutex_);
    return {reinterpret_cast<const char*>(bytes_.data()) + offset, length};
  }
  std::atomic<int> flushes{0};
  std::atomic<int> flush_error{0};
  std::atomic<const BlockRef*> other{nullptr};  // with a gate on other_loop
  std::atomic<const AioContext*> other_loop{nullptr};
  std::atomic<bool> others_wait{false};  // for a flush there

 private:
  Task<Result<>> DoRead(std::uint64_t offset, IoVec dst) override {
    const std::lock_guard lock(mutex_);
    dst.CopyFrom(bytes_.data() + offset);
    return Ok();
  }
  Task<Result<>> DoWrite(std::uint64_t offset, IoVec src, WriteFlags) override {
    const std::lock_guard lock(mutex_);
    src.CopyTo(bytes_.data() + offset);
    return Ok();
  }
  Task<Result<>> DoFlush(FlushMode mode) override {
    flushes += mode == FlushMode::kDisk ? 1 : 0;
    if (&AioContext::Current() == other_loop) {
      others_wait = others_wait || other.load()->gate().closed();
    }
    return flush_error == 0 ? Ok() : Result<>(Errno{flush_error});
  }
  std::mutex mutex_;
  std::vector<std::byte> bytes_;
};

// A node to export, and files to mount on. Skips where nobody can mount; ends the program when a
// test takes too long.
struct Scene {
  explicit Scene(bool read_only = false) {
    fuse::test::RequireMounts();
    ::alarm(kTimeoutSeconds);
    auto made = std::make_unique<CountingNode>(read_only);
    node = made.get();
    CHECK_OK(stage.graph.Add(std::move(made)));
  }
  ~Scene() { ::alarm(0); }

  FuseExportOptions Options(const std::string& mountpoint, bool writable = true) const {
    return {.id = "e", .node_name = "disk", .mountpoint = mountpoint, .writable = writable};
  }
  Result<std::unique_ptr<Export>, Error> Create(const FuseExportOptions& options) {
    return exports.Create(options, stage.loops);
  }
  // What Start says of an export that is not expected to start.
  Result<Unit, Error> TryStart(const FuseExportOptions& options) {
    Result<std::unique_ptr<Export>, Error> created = Create(options);
    CHECK_OK(created);
    Result<Unit, Error> started = stage.Run((*created)->Start());
    if (started.ok()) {
      CHECK_OK(stage.Run((*created)->Stop()));
    }
    return started;
  }

  Stage stage;
  FuseExports exports{stage.graph};
  CountingNode* node = nullptr;
  TemporaryMountpoints one;
  TemporaryMountpoints two;
};

// An export that is started, and stopped at the latest when the test ends.
class Mounted {
 public:
  Mounted(Scene& scene, const FuseExportOptions& options) : scene_(scene) {
    Result<std::unique_ptr<Export>, Error> created = scene.Create(options);
    CHECK_OK(created);
    export_ = std::move(*created);
    CHECK_OK(scene.stage.Run(export_->Start()));
    started_ = true;
    export_->OnGone([this] { ++times_gone; });
  }
  ~Mounted() {
    if (started_) {
      static_cast<void>(Stop());
    }
  }
  Result<> Stop() {
    started_ = false;
    return scene_.stage.Run(export_->Stop());
  }
  Export& operator*() { return *export_; }

  int times_gone = 0;

 private:
  Scene& scene_;
  std::unique_ptr<Export> export_;
  bool started_ = false;
};

// Lets the control loop run until `condition` holds.
template <class F>
void WaitUntil(Scene& scene, F condition) {
  for (int i = 0; i < 10'000 && !condition(); ++i) {
    scene.stage.Run(scene.stage.control->SleepFor(milliseconds(1)));
  }
  CHECK(condition());
}

UniqueFd OpenFile(const std::string& path, int flags) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC));
  CHECK(fd.valid());
  return fd;
}

std::string ReadFile(const std::string& path, off_t offset, std::size_t length) {
  const UniqueFd fd = OpenFile(path, O_RDONLY);
  std::string text(length, '?');
  const ssize_t n = ::pread(fd.get(), text.data(), length, offset);
  CHECK(n >= 0);
  text.resize(static_cast<std::size_t>(n));
  return text;
}

ssize_t WriteFile(const std::string& path, off_t offset, const std::string& text) {
  const UniqueFd fd = OpenFile(path, O_WRONLY);
  return ::pwrite(fd.get(), text.data(), text.size(), offset);
}

off_t SizeOf(const std::string& path) {
  struct stat st{};
  CHECK_EQ(::stat(path.c_str(), &st), 0);
  return st.st_size;
}

// The file, mapped. What is written to it is never synced by this client, which keeps it open.
class Mapping {
 public:
  explicit Mapping(const std::string& path)
      : fd_(OpenFile(path, O_RDWR)),
        start_(::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0)) {
    CHECK(start_ != MAP_FAILED);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { ::munmap(start_, kSize); }
  void Write(std::size_t offset, const std::string& text) const {
    std::memcpy(static_cast<char*>(start_) + offset, text.data(), text.size());
  }

 private:
  const UniqueFd fd_;
  void* const start_;
};

std::string NodeText(const Scene& scene, std::size_t offset, std::size_t length) {
  return scene.node->Text(offset, length);
}

}  // namespace

TEST(AStartedExportIsTheDisk) {
  Scene scene;
  Mounted mounted(scene, scene.Options(scene.one.file));
  CHECK_EQ(SizeOf(scene.one.file), static_cast<off_t>(kSize));
  CHECK_EQ(ReadFile(scene.one.file, 100, 3), "...");
  CHECK_EQ(WriteFile(scene.one.file, 5000, "hello"), 5);
  CHECK_EQ(ReadFile(scene.one.file, 4999, 7), ".hello.");
  CHECK_EQ(NodeText(scene, 5000, 5), "hello");
}

TEST(AStoppedExportIsGone) {
  Scene scene;
  Mounted mounted(scene, scene.Options(scene.one.file));
  CHECK_EQ(TopMount(scene.one.file).type, fuse::kMountType);
  CHECK_OK(mounted.Stop());
  CHECK_EQ(TopMount(scene.one.file).type, "");
  CHECK_EQ(SizeOf(scene.one.file), 0);
  CHECK_OK(scene.stage.Run(scene.stage.graph.Remove("disk")));
}

TEST(AnExportMayBeStartedAgain) {
  Scene scene;
  for (int i = 0; i < 3; ++i) {
    Mounted mounted(scene, scene.Options(scene.one.file));
    CHECK_EQ(SizeOf(scene.one.file), static_cast<off_t>(kSize));
  }
  CHECK_EQ(SizeOf(scene.one.file), 0);
}

TEST(AMissingMountpointIsNamed) {
  Scene scene;
  const std::string path = scene.one.folder + "/none";
  CHECK_MESSAGE(scene.TryStart(scene.Options(path)),
                "Failed to stat '" + path + "': No such file or directory");
  CHECK_OK(scene.stage.Run(scene.stage.graph.Remove("disk")));
}

TEST(AFolderIsNoMountpoint) {
  Scene scene;
  CHECK_MESSAGE(scene.TryStart(scene.Options(scene.one.folder)),
                "'" + scene.one.folder + "' is not a regular file");
}

TEST(AMountpointIsTakenOnce) {
  Scene scene;
  Mounted mounted(scene, scene.Options(scene.one.file));
  CHECK_MESSAGE(scene.TryStart(scene.Options(scene.one.file)),
                "There already is a FUSE export on '" + scene.one.file + "'");
  CHECK_EQ(SizeOf(scene.one.file), static_cast<off_t>(kSize));
}

// Another process has a table of its own; the mount table is everybody's.
TEST(AMountpointIsTakenByOtherProcessesToo) {
  Scene scene;
  Mounted mounted(scene, scene.Options(scene.one.file));
  FuseExports others(scene.stage.graph);
  auto second = others.Create(scene.Options(scene.one.file), scene.stage.loops);
  CHECK_OK(second);
  CHECK_MESSAGE(scene.stage.Run((*second)->Start()), "There already is a FUSE export on '");
}

TEST(AReadOnlyNodeIsNotExportedWritable) {
  Scene scene(true);
  const auto created = scene.Create(scene.Options(scene.one.file));
  CHECK_MESSAGE(created, "Cannot export read-only node as writable");
  CHECK_EQ(created.error().code.value(), EROFS);
  CHECK_OK(scene.Create(scene.Options(scene.one.file, false)));
}

TEST(ANodeThatIsNotThereIsNamed) {
  Scene scene;
  FuseExportOptions options = scene.Options(scene.one.file);
  options.node_name = "none";
  const auto created = scene.Create(options);
  CHECK_MESSAGE(created, "Cannot find device='' nor node-name='none'");
  CHECK_EQ(created.error().code.value(), ENOENT);
}

TEST(AReadOnlyExportCannotBeWritten) {
  Scene scene;
  Mounted mounted(scene, scene.Options(scene.one.file, false));
  CHECK_EQ(ReadFile(scene.one.file, 0, 3), "...");
  CHECK_EQ(::open(scene.one.file.c_str(), O_RDWR | O_CLOEXEC), -1);
  CHECK_EQ(errno, EROFS);
}

TEST(AUsersUmountIsReportedOnce) {
  Scene scene;
  Mounted mounted(scene, scene.Options(scene.one.file));
  CHECK_EQ(::umount2(scene.one.file.c_str(), 0), 0);
  WaitUntil(scene, [&mounted] { return mounted.times_gone > 0; });
  CHECK_OK(mounted.Stop());
  CHECK_EQ(mounted.times_gone, 1);
  CHECK_OK(scene.stage.Run(scene.stage.graph.Remove("disk")));
}

TEST(StopIsNoUmountByAUser) {
  Scene scene;
  Mounted mounted(scene, scene.Options(scene.one.file));
  CHECK_OK(mounted.Stop());
  CHECK_EQ(mounted.times_gone, 0);
}

TEST(StopFlushesWhatIsWritable) {
  Scene scene;
  Mounted writable(scene, scene.Options(scene.one.file));
  CHECK_EQ(WriteFile(scene.one.file, 0, "x"), 1);
  const int before = scene.node->flushes;
  CHECK_OK(writable.Stop());
  CHECK(scene.node->flushes > before);
  const int after = scene.node->flushes;
  Mounted readable(scene, scene.Options(scene.one.file, false));
  CHECK_OK(readable.Stop());
  CHECK_EQ(scene.node->flushes.load(), after);
}

TEST(OthersGoOnWhileStopFlushes) {
  Scene scene;
  Mounted mounted(scene, scene.Options(scene.one.file));
  Result<BlockRef, Error> other =
      scene.stage.graph.Use("disk", {.used = kPermConsistentRead}, "another");
  CHECK_OK(other);
  AioContext* const control[] = {scene.stage.control.get()};
  (*other).UseOn(control);
  scene.node->other = &*other;
  scene.node->other_loop = control[0];
  CHECK_EQ(WriteFile(scene.one.file, 0, "x"), 1);
  const int before = scene.node->flushes;
  CHECK_OK(mounted.Stop());
  CHECK(scene.node->flushes > before);
  CHECK(!scene.node->others_wait);
  scene.node->other_loop = nullptr;
}

TEST(AFlushThatFailsAtStopIsTold) {
  Scene scene;
  Mounted mounted(scene, scene.Options(scene.one.file));
  scene.node->flush_error = EIO;
  CHECK_ERRNO(mounted.Stop(), EIO);
  CHECK_EQ(TopMount(scene.one.file).type, "");
}

TEST(AnOpenFileIsInUse) {
  Scene scene;
  Mounted mounted(scene, scene.Options(scene.one.file));
  CHECK(!(*mounted).in_use());
  UniqueFd fd = OpenFile(scene.one.file, O_RDONLY);
  CHECK((*mounted).in_use());
  fd.Reset();
  WaitUntil(scene, [&mounted] { return !(*mounted).in_use(); });
}

TEST(StopWithOpenFilesCutsThemOff) {
  Scene scene;
  Mounted mounted(scene, scene.Options(scene.one.file));
  const UniqueFd fd = OpenFile(scene.one.file, O_RDWR | O_DIRECT);
  CHECK_OK(mounted.Stop());
  alignas(4096) std::array<char, 4096> block{};
  CHECK_EQ(::pread(fd.get(), block.data(), block.size(), 0), -1);
  CHECK(errno == ENOTCONN || errno == ECONNABORTED);
  CHECK_EQ(SizeOf(scene.one.file), 0);
}

TEST(StopWritesBackMappedPages) {
  Scene scene;
  Mounted mounted(scene, scene.Options(scene.one.file));
  const Mapping mapping(scene.one.file);
  mapping.Write(70000, "mapped");
  CHECK_OK(mounted.Stop());
  CHECK_EQ(NodeText(scene, 70000, 6), "mapped");
}

TEST(StopWritesBackMappedPagesAfterALazyUmount) {
  Scene scene;
  Mounted mounted(scene, scene.Options(scene.one.file));
  const Mapping mapping(scene.one.file);
  mapping.Write(70000, "mapped");
  CHECK_EQ(::umount2(scene.one.file.c_str(), MNT_DETACH), 0);
  mapping.Write(900000, "later");
  CHECK_OK(mounted.Stop());
  CHECK_EQ(NodeText(scene, 70000, 6), "mapped");
  CHECK_EQ(NodeText(scene, 900000, 5), "later");
}

TEST(StopWritesBackMappedPagesBelowAnotherMount) {
  Scene scene;
  Mounted mounted(scene, scene.Options(scene.one.file));
  const Mapping mapping(scene.one.file);
  mapping.Write(70000, "mapped");
  CHECK_EQ(::mount("/proc/self/status", scene.one.file.c_str(), nullptr, MS_BIND, nullptr), 0);
  CHECK_OK(mounted.Stop());
  CHECK_EQ(NodeText(scene, 70000, 6), "mapped");
}

TEST(TwoExportsOfANodeShowTheSame) {
  Scene scene;
  Mounted first(scene, scene.Options(scene.one.file));
  Mounted second(scene, scene.Options(scene.two.file, false));
  CHECK_EQ(ReadFile(scene.two.file, 0, 5), ".....");
  CHECK_EQ(WriteFile(scene.one.file, 0, "hello"), 5);
  WaitUntil(scene, [&scene] { return ReadFile(scene.two.file, 0, 5) == "hello"; });
  CHECK_OK(first.Stop());
  CHECK_EQ(ReadFile(scene.two.file, 0, 5), "hello");
}

namespace {

Task<Unit> SettleClients(Export& exported, bool& done) {
  co_await exported.SettleClients();
  done = true;
  co_return Unit{};
}

Task<Unit> StopExport(Export& exported, bool& done) {
  const Result<> stopped = co_await exported.Stop();
  FB_ASSERT(stopped.ok());
  done = true;
  co_return Unit{};
}

// `slow` is the graph of what is mounted over it.
Task<bool> StopWhileASizeIsLookedAt(BlockGraph& slow, const BlockRef& writer, Export& exported) {
  TaskScope scope;
  bool settled = false;
  bool stopped = false;
  bool waited = false;
  {
    const BlockGraph::Drained drained = co_await slow.Drain();
    char text[] = "x";
    const iovec piece{text, 1};
    const Result<> written = co_await writer.Write(0, IoVec::Of(piece), {});
    FB_ASSERT(written.ok());  // so the kernel has to ask for the attributes again
    co_await AioContext::Current().SleepFor(std::chrono::seconds(1));
    scope.Spawn(SettleClients(exported, settled));
    co_await AioContext::Current().SleepFor(milliseconds(100));
    FB_ASSERT(!settled);
    scope.Spawn(StopExport(exported, stopped));
    co_await AioContext::Current().SleepFor(milliseconds(300));
    waited = !stopped;
  }
  co_await scope.Join();
  FB_ASSERT(settled && stopped);
  co_return waited;
}

}  // namespace

// Below another mount, whose answer takes long.
TEST(StopWaitsForWhoLooksAtTheMount) {
  Scene scene;
  Scene other;
  Mounted slow(other, other.Options(other.one.file, false));
  auto created = scene.Create(scene.Options(scene.one.file, false));
  CHECK_OK(created);
  CHECK_OK(scene.stage.Run((*created)->Start()));
  CHECK_EQ(::mount(other.one.file.c_str(), scene.one.file.c_str(), nullptr, MS_BIND, nullptr), 0);
  {
    const Result<BlockRef, Error> writer = other.stage.graph.Use("disk", {.used = kPermWrite}, "w");
    CHECK_OK(writer);
    CHECK(scene.stage.Run(StopWhileASizeIsLookedAt(other.stage.graph, *writer, **created)));
  }
  CHECK_EQ(::umount2(scene.one.file.c_str(), 0), 0);
}

TEST(AWritebackCacheIsForASoleExport) {
  Scene scene;
  FuseExportOptions writeback = scene.Options(scene.one.file);
  writeback.cache = ExportCache::kWriteback;
  {
    Mounted mounted(scene, writeback);
    CHECK_MESSAGE(scene.TryStart(scene.Options(scene.two.file)), "Permission conflict on node");
    CHECK_MESSAGE(scene.TryStart(scene.Options(scene.two.file, false)),
                  "Permission conflict on node");
  }
  Mounted other(scene, scene.Options(scene.two.file, false));
  CHECK_MESSAGE(scene.TryStart(writeback), "Permission conflict on node");
}

TEST(AWritebackCacheShowsTheSizeAndKeepsWhatIsWritten) {
  Scene scene;
  FuseExportOptions writeback = scene.Options(scene.one.file);
  writeback.cache = ExportCache::kWriteback;
  Mounted mounted(scene, writeback);
  CHECK_EQ(SizeOf(scene.one.file), static_cast<off_t>(kSize));
  CHECK_EQ(WriteFile(scene.one.file, 3, "delayed"), 7);
  CHECK_OK(mounted.Stop());
  CHECK_EQ(NodeText(scene, 3, 7), "delayed");
}

}  // namespace fusebay::test
