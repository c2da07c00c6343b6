// FileNode's block status: holes and data, remembered until the next write.
#include "file_fixture.h"

namespace fusebay::test {

namespace {

constexpr std::uint64_t kPart = 256 << 10;

// A hole, data, a hole; each kPart long.
struct Scene {
  Scene() {
    ref = bench.Use(bench.Open(File(path)));
    CHECK_OK(bench.Write(ref, kPart, Data(kPart, std::byte{7})));
  }
  // "data" or "hole", and the length.
  std::string At(std::uint64_t offset, std::uint64_t length = UINT64_MAX) {
    const auto status = bench.Run(ref.Status(offset, length));
    CHECK_OK(status);
    CHECK(status->allocated);
    CHECK(status->data != status->zero);
    return (status->data ? "data " : "hole ") + std::to_string(status->length);
  }
  TemporaryFolder folder;
  std::string path = folder.Sparse("disk", 3 * kPart);
  Bench bench;
  BlockRef ref;
};

}  // namespace

TEST(HolesAndDataAreFound) {
  Scene s;
  CHECK_EQ(s.At(0), "hole 262144");
  CHECK_EQ(s.At(kPart), "data 262144");
  CHECK_EQ(s.At(2 * kPart), "hole 262144");
}

TEST(ARunIsClippedToWhatWasAsked) {
  Scene s;
  CHECK_EQ(s.At(10, 20), "hole 20");
  CHECK_EQ(s.At(kPart + 1, 20), "data 20");
  CHECK_EQ(s.At(3 * kPart - 1), "hole 1");
}

TEST(AKnownRunIsNotLookedUpAgain) {
  Scene s;
  CHECK_EQ(s.At(0, 4096), "hole 4096");
  const UniqueFd fd(open(s.path.c_str(), O_WRONLY | O_CLOEXEC));
  CHECK_EQ(pwrite(fd.get(), "x", 1, 8192), 1);  // behind the node's back
  CHECK_EQ(s.At(8192, 4096), "hole 4096");
}

TEST(EveryChangeForgetsTheKnownRun) {
  Scene s;
  CHECK_EQ(s.At(0, 4096), "hole 4096");
  CHECK_OK(s.bench.Write(s.ref, 0, Data(4096, std::byte{1})));
  CHECK_EQ(s.At(0, 4096), "data 4096");
  CHECK_OK(s.bench.Run(s.ref.Truncate(4 * kPart, Prealloc::kOff)));
  CHECK_EQ(s.At(2 * kPart), "hole 524288");
}

TEST(AFileThatWasCutShortEndsInAHole) {
  Scene s;
  CHECK_EQ(truncate(s.path.c_str(), 100), 0);
  CHECK_EQ(s.At(kPart), "hole 524288");
}

}  // namespace fusebay::test
