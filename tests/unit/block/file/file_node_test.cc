// FileNode: flushing, resizing, devices and a full disk.
#include "file/file_node.h"

#include <sys/mount.h>
#include <sys/wait.h>

#include "file_fixture.h"
#include "temporary.h"

namespace fusebay::test {

namespace {

using namespace std::string_view_literals;

struct Scene {
  explicit Scene(std::uint64_t size = 1 << 20, bool direct = false) {
    path = folder.File("disk", Data(size, std::byte{7}).bytes());
    ref = bench.Use(bench.Open(FileBy({.loop = {}, .aio = {}, .direct = direct}, path)));
  }
  Result<> Resize(std::uint64_t size, Prealloc prealloc = Prealloc::kOff) {
    return bench.Run(ref.Truncate(size, prealloc));
  }
  TemporaryFolder folder;
  std::string path;
  Bench bench;
  BlockRef ref;
};

}  // namespace

TEST(AFlushMakesWritesDurable) {
  SimScene s(8192);
  CHECK_OK(s.Write(0, Data(10, std::byte{1})));
  CHECK_EQ(std::to_integer<int>(s.disk.Durable(s.file)[0]), 0);
  CHECK_OK(s.Run(s.ref.Flush(FlushMode::kWriteOut)));
  CHECK_EQ(std::to_integer<int>(s.disk.Durable(s.file)[0]), 0);
  CHECK_OK(s.Run(s.ref.Flush(FlushMode::kDisk)));
  CHECK_EQ(std::to_integer<int>(s.disk.Durable(s.file)[0]), 1);
}

TEST(AFailedFlushIsNeverForgotten) {
  SimScene s(8192);
  s.disk.Inject({.kind = IoOp::Kind::kDatasync, .result = -ENOSPC});
  CHECK_ERRNO(s.Run(s.ref.Flush(FlushMode::kDisk)), ENOSPC);
  CHECK_ERRNO(s.Run(s.ref.Flush(FlushMode::kDisk)), EIO);
  CHECK_ERRNO(s.Run(s.ref.Flush(FlushMode::kDisk)), EIO);
  CHECK_OK(s.Write(0, Data(10)));
}

TEST(ClosingReportsAFailedFlush) {
  SimScene s(8192);
  s.disk.Inject({.kind = IoOp::Kind::kDatasync, .result = -EIO});
  s.ref = BlockRef();
  CHECK_MESSAGE(s.Run(s.graph.CloseAll()), "Could not close node 'f': Input/output error");
}

TEST(NoFlushFlushesNothing) {
  Scene s;
  BlockdevOptions options = File(s.folder.Sparse("other", 512));
  options.cache.no_flush = true;
  const BlockRef ref = s.bench.Use(s.bench.Open(options));
  const std::uint64_t before = s.bench.loop->stats().operations;
  CHECK_OK(s.bench.Run(ref.Flush(FlushMode::kDisk)));
  CHECK_EQ(s.bench.loop->stats().operations, before);
}

TEST(AFileGrowsWithZeroes) {
  for (const bool direct : {false, true}) {
    Scene s(5000, direct);
    CHECK_OK(s.Resize(70001));
    CHECK_EQ(FileSize(s.path), 70001u);
    CHECK_EQ(s.ref.size(), 70001u);
    CHECK(s.bench.Read(s.ref, 0, 5000).IsAll(std::byte{7}));
    CHECK(s.bench.Read(s.ref, 5000, 65001).IsAll(std::byte{0}));
    CHECK_OK(s.bench.Write(s.ref, 69990, Data(11, std::byte{1})));
    CHECK_EQ(FileSize(s.path), 70001u);
  }
}

TEST(AFileShrinks) {
  Scene s(5000);
  CHECK_OK(s.Resize(100));
  CHECK_EQ(FileSize(s.path), 100u);
  CHECK_OK(s.Resize(200));
  CHECK(s.bench.Read(s.ref, 100, 100).IsAll(std::byte{0}));
}

TEST(PreallocationTakesTheSpace) {
  for (const Prealloc prealloc : {Prealloc::kFalloc, Prealloc::kFull}) {
    for (const bool direct : {false, true}) {
      Scene s(4096, direct);
      CHECK_OK(s.Resize(1000001, prealloc));
      CHECK_EQ(FileSize(s.path), 1000001u);
      const auto allocated = s.bench.Run(s.ref.node().AllocatedSize());
      CHECK_OK(allocated);
      CHECK(*allocated >= 1000001);
      CHECK(s.bench.Read(s.ref, 4096, 900000).IsAll(std::byte{0}));
    }
  }
}

TEST(SomePreallocationsDoNotExist) {
  Scene s(5000);
  CHECK_ERRNO(s.Resize(6000, Prealloc::kMetadata), ENOTSUP);
  CHECK_ERRNO(s.Resize(4000, Prealloc::kFalloc), ENOTSUP);
  CHECK_EQ(FileSize(s.path), 5000u);
}

TEST(ASizeThatNoFileCanHaveIsRefused) {
  Scene s(5000);
  CHECK_ERRNO(s.Resize(UINT64_MAX), EFBIG);
  CHECK(!s.Resize(BlockNode::kMaxSize).ok());
  CHECK_EQ(s.ref.size(), 5000u);
}

namespace {

// A file system of 1 MiB, which fills up soon.
class SmallFileSystem {
 public:
  SmallFileSystem() {
    CHECK(mkdtemp(path.data()) != nullptr);
    mounted_ = mount("none", path.c_str(), "tmpfs", 0, "size=1m") == 0;
    if (!mounted_) {
      rmdir(path.c_str());
      Skip("needs root, to mount a small file system");
    }
  }
  SmallFileSystem(const SmallFileSystem&) = delete;
  SmallFileSystem& operator=(const SmallFileSystem&) = delete;
  ~SmallFileSystem() {
    if (mounted_) {
      umount2(path.c_str(), MNT_DETACH);
      rmdir(path.c_str());
    }
  }
  std::string path = fusebay::test::TemporaryPattern("small");

 private:
  bool mounted_;
};

// A loop device over a file.
class LoopDevice {
 public:
  explicit LoopDevice(const std::string& file) {
    const std::string name = Output("losetup --find --show '" + file + "' 2>/dev/null");
    if (name.empty()) {
      Skip("needs root and loop devices");
    }
    path = name.substr(0, name.find('\n'));
  }
  LoopDevice(const LoopDevice&) = delete;
  LoopDevice& operator=(const LoopDevice&) = delete;
  ~LoopDevice() {
    if (!path.empty()) {
      Output("losetup --detach '" + path + "'");
    }
  }
  std::string path;

 private:
  static std::string Output(const std::string& command) {
    FILE* const pipe = popen(command.c_str(), "r");
    CHECK(pipe != nullptr);
    std::array<char, 256> line{};
    const std::string text = fgets(line.data(), line.size(), pipe) == nullptr ? "" : line.data();
    pclose(pipe);
    return text;
  }
};

BlockdevOptions Device(const std::string& path, bool direct) {
  BlockdevOptions options = FileBy({.loop = {}, .aio = {}, .direct = direct}, path);
  options.driver = "host_device";
  return options;
}

}  // namespace

TEST(AFullDiskSaysSoAndGoesOnWhenThereIsRoom) {
  SmallFileSystem small;
  const std::string path = small.path + "/disk";
  UniqueFd(open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)).Reset();
  CHECK_EQ(truncate(path.c_str(), 4 << 20), 0);
  Bench bench;
  const BlockRef ref = bench.Use(bench.Open(File(path)));
  CHECK_ERRNO(bench.Write(ref, 0, Data(2 << 20, std::byte{1})), ENOSPC);
  CHECK_ERRNO(bench.Run(ref.Allocate(0, 2 << 20)), ENOSPC);
  BlockdevOptions options = File(path);
  CHECK_EQ(truncate(path.c_str(), 0), 0);
  CHECK_OK(bench.Write(ref, 0, Data(512 << 10, std::byte{2})));
  CHECK(bench.Read(ref, 0, 512 << 10).IsAll(std::byte{2}));
}

TEST(ADeviceIsReadAndWritten) {
  TemporaryFolder folder;
  const LoopDevice device(folder.Sparse("disk", 1 << 20));
  for (const bool direct : {false, true}) {
    Bench bench;
    const BlockRef ref = bench.Use(bench.Open(Device(device.path, direct)));
    CHECK_EQ(ref.size(), 1u << 20);
    const Data data = Data::Pattern(70001, direct ? 1 : 2);
    CHECK_OK(bench.Write(ref, 777, data));
    CHECK(bench.Read(ref, 777, 70001) == data);
    CHECK_OK(bench.Run(ref.WriteZeroes(1000, 60000, {.may_unmap = true})));
    CHECK(bench.Read(ref, 1000, 60000).IsAll(std::byte{0}));
    CHECK_OK(bench.Run(ref.Discard(0, 1 << 20)));
    CHECK_OK(bench.Run(ref.Flush(FlushMode::kDisk)));
  }
}

TEST(ADeviceHasTheSizeItHas) {
  TemporaryFolder folder;
  const LoopDevice device(folder.Sparse("disk", 1 << 20));
  Bench bench;
  const BlockRef ref = bench.Use(bench.Open(Device(device.path, false)));
  CHECK_OK(bench.Run(ref.Truncate(1 << 20, Prealloc::kOff)));
  CHECK_ERRNO(bench.Run(ref.Truncate(2 << 20, Prealloc::kOff)), EINVAL);
  CHECK_ERRNO(bench.Run(ref.Truncate(1 << 19, Prealloc::kOff)), ENOTSUP);
  CHECK_ERRNO(bench.Run(ref.node().AllocatedSize()), ENOTSUP);
  CHECK_ERRNO(bench.Run(ref.Allocate(0, 4096)), ENOTSUP);
}

TEST(ADeviceIsOpenedAsAnImage) {
  TemporaryFolder folder;
  const LoopDevice device(folder.Sparse("disk", 1 << 20));
  Bench bench;
  const auto node = bench.Run(OpenImage(bench.graph, {.filename = device.path}));
  CHECK_OK(node);
  CHECK_EQ((*node)->size(), 1u << 20);
}

}  // namespace fusebay::test
