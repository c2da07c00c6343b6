// FileNode's zeroes, holes and allocation.
#include <linux/falloc.h>

#include "file_fixture.h"

namespace fusebay::test {

namespace {

std::uint64_t Blocks(const std::string& path) {
  struct stat st{};
  CHECK_EQ(stat(path.c_str(), &st), 0);
  return static_cast<std::uint64_t>(st.st_blocks) * 512;
}

// A full file of 1 MiB.
struct Scene {
  explicit Scene(const Way& way = {}) {
    BlockdevOptions options = FileBy(way, path);
    ref = bench.Use(bench.Open(options));
  }
  Result<> Zero(std::uint64_t offset, std::uint64_t length, ZeroFlags flags = {}) {
    return bench.Run(ref.WriteZeroes(offset, length, flags));
  }
  TemporaryFolder folder;
  std::string path = folder.File("disk", Data(1 << 20, std::byte{7}).bytes());
  Bench bench;
  BlockRef ref;
};

}  // namespace

TEST(ZeroesKeepTheSpace) {
  ForEachWay([](const Way& way) {
    Scene s(way);
    CHECK_OK(s.Zero(0, 512 << 10));
    CHECK(s.bench.Read(s.ref, 0, 512 << 10).IsAll(std::byte{0}));
    CHECK(s.bench.Read(s.ref, 512 << 10, 512 << 10).IsAll(std::byte{7}));
    CHECK(Blocks(s.path) >= 1 << 20);
  });
}

TEST(ZeroesThatMayUnmapGiveTheSpaceBack) {
  Scene s;
  CHECK_OK(s.Zero(0, 512 << 10, {.may_unmap = true, .fua = true}));
  CHECK(s.bench.Read(s.ref, 0, 512 << 10).IsAll(std::byte{0}));
  CHECK(Blocks(s.path) <= 600 << 10);
}

TEST(ZeroesUpToAnOddEndKeepTheSize) {
  TemporaryFolder folder;
  Bench bench;
  const std::string path = folder.File("disk", Data(70001, std::byte{7}).bytes());
  const BlockRef ref = bench.Use(bench.Open(FileBy({.loop = {}, .aio = {}, .direct = true}, path)));
  CHECK_OK(bench.Run(ref.WriteZeroes(65000, 5001, {})));
  CHECK_EQ(FileSize(path), 70001u);
  CHECK(bench.Read(ref, 65000, 5001).IsAll(std::byte{0}));
  CHECK(bench.Read(ref, 0, 65000).IsAll(std::byte{7}));
}

TEST(ADiscardMakesAHole) {
  Scene s;
  CHECK_OK(s.bench.Run(s.ref.Discard(0, 1 << 20)));
  CHECK(Blocks(s.path) <= 64 << 10);
  CHECK_EQ(FileSize(s.path), 1u << 20);
}

TEST(WithoutDiscardUnmapADiscardDoesNothing) {
  TemporaryFolder folder;
  Bench bench;
  const std::string path = folder.File("disk", Data(1 << 20, std::byte{7}).bytes());
  const BlockRef ref = bench.Use(bench.Open(File(path)));
  CHECK_OK(bench.Run(ref.Discard(0, 1 << 20)));
  CHECK_OK(bench.Run(ref.WriteZeroes(0, 4096, {.may_unmap = true})));
  CHECK(Blocks(path) >= 1 << 20);
}

TEST(AllocationTakesSpaceAndChangesNoData) {
  TemporaryFolder folder;
  Bench bench;
  const std::string path = folder.Sparse("disk", 1 << 20);
  const BlockRef ref = bench.Use(bench.Open(File(path)));
  CHECK_OK(bench.Run(ref.Allocate(0, 1 << 20)));
  CHECK(Blocks(path) >= 1 << 20);
  CHECK_EQ(FileSize(path), 1u << 20);
  CHECK(bench.Read(ref, 0, 1 << 20).IsAll(std::byte{0}));
}

TEST(WithoutZeroRangeAHoleIsMadeAndFilled) {
  SimScene s(64 << 10);
  CHECK_OK(s.Write(0, Data(64 << 10, std::byte{7})));
  s.disk.Inject({.kind = IoOp::Kind::kFallocate, .count = 1, .result = -EOPNOTSUPP});
  const std::uint64_t before = s.disk.operations();
  CHECK_OK(s.Run(s.ref.WriteZeroes(0, 4096, {})));
  CHECK_EQ(s.disk.operations() - before, 3u);  // refused, punched, allocated
  CHECK_OK(s.Run(s.ref.WriteZeroes(4096, 4096, {})));
  CHECK_EQ(s.disk.operations() - before, 5u);  // not asked again
  CHECK(s.Read(0, 8192).IsAll(std::byte{0}));
  CHECK(s.Read(8192, 4096).IsAll(std::byte{7}));
}

TEST(WithoutFallocateZeroesAreWritten) {
  SimScene s(64 << 10);
  CHECK_OK(s.Write(0, Data(64 << 10, std::byte{7})));
  s.disk.Inject({.kind = IoOp::Kind::kFallocate, .count = 100, .result = -EOPNOTSUPP});
  CHECK_OK(s.Run(s.ref.WriteZeroes(100, 5000, {})));
  CHECK(s.Read(100, 5000).IsAll(std::byte{0}));
  CHECK_ERRNO(s.Run(s.ref.WriteZeroes(100, 5000, {.no_fallback = true})), ENOTSUP);
  CHECK_ERRNO(s.Run(s.ref.Allocate(0, 100)), ENOTSUP);
  CHECK_OK(s.Run(s.ref.Discard(0, 100)));
}

TEST(AFullDiskIsNotTakenForNotSupported) {
  SimScene s(64 << 10);
  s.disk.Inject({.kind = IoOp::Kind::kFallocate, .count = 1, .result = -ENOSPC});
  CHECK_ERRNO(s.Run(s.ref.WriteZeroes(0, 4096, {})), ENOSPC);
}

TEST(FuaZeroesAreOnTheDisk) {
  SimScene s(64 << 10);
  CHECK_OK(s.Write(0, Data(64 << 10, std::byte{7})));
  CHECK_OK(s.Run(s.ref.Flush(FlushMode::kDisk)));
  CHECK_OK(s.Run(s.ref.WriteZeroes(0, 4096, {.fua = true})));
  CHECK_EQ(std::to_integer<int>(s.disk.Durable(s.file)[0]), 0);
}

}  // namespace fusebay::test
