// What an image has comes into its backing file, and the image loses it. Against qemu-img:
// tests/interop/img-commit.sh.
#include "block/commit_image.h"

#include <fstream>
#include <sstream>

#include "qcow2/writable_disk.h"

using namespace fusebay;
using qcow2::test::Counted;
using qcow2::test::Disk;
using qcow2::test::Folder;
using qcow2::test::ImageBuilder;
using qcow2::test::kCluster;

namespace {

std::string BytesOf(const std::string& path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}

// A raw base of 'x', and an image of 1 MiB above it, with cluster 1 of 'a'.
struct Pair {
  explicit Pair(std::size_t base_size = 1 * kMiB)
      : base(folder.Write("base", std::vector<std::byte>(base_size, std::byte{'x'}))),
        top(folder.Write("top", Counted(ImageBuilder().Backing("base").Data(1, 0, 'a')).bytes())) {}

  Result<Unit, Error> Commit(bool keep = false) {
    Disk disk;
    CommitRequest request;
    request.filename = top;
    request.keep = keep;
    request.progress = [this](std::uint64_t done, std::uint64_t total) {
      CHECK(done >= progress && done <= total);
      progress = done;
    };
    return disk.Run(CommitImage(disk.graph, request));
  }

  Folder folder;
  std::string base;
  std::string top;
  std::uint64_t progress = 0;
};

}  // namespace

TEST(TheBackingFileGetsWhatTheImageHas) {
  Pair pair;
  CHECK_OK(pair.Commit());
  const std::string expected = std::string(kCluster, 'x') + std::string(kCluster, 'a');
  const std::string base = BytesOf(pair.base);
  CHECK_EQ(base.size(), 1 * kMiB);
  CHECK(base.starts_with(expected));
  CHECK_EQ(base.find_first_not_of('x', 2 * kCluster), std::string::npos);
  CHECK_EQ(pair.progress, 1 * kMiB);
}

TEST(TheImageIsEmptyAfterwardsUnlessItIsKept) {
  for (const bool keep : {true, false}) {
    Pair pair;
    CHECK_OK(pair.Commit(keep));
    Disk disk;
    Disk::Must(disk.OpenPath(pair.top,
                             [](BlockdevOptions&, Qcow2Options& own) { own.no_backing = true; }));
    CHECK_EQ(disk.Status(kCluster, kCluster).allocated, keep);
  }
}

TEST(ASmallerBackingFileGrows) {
  Pair pair(1000);
  CHECK_OK(pair.Commit());
  const std::string base = BytesOf(pair.base);
  CHECK_EQ(base.size(), 1 * kMiB);
  CHECK(base.substr(998, 4) == std::string("xx\0\0", 4));
}

TEST(ALargerBackingFileKeepsItsSize) {
  Pair pair(2 * kMiB);
  CHECK_OK(pair.Commit());
  CHECK_EQ(BytesOf(pair.base).size(), 2 * kMiB);
}

TEST(ABackingFileThatCannotBeWrittenLeavesTheImageAlone) {
  Pair pair;
  const std::string before = BytesOf(pair.top);
  CHECK_EQ(std::remove(pair.base.c_str()), 0);
  CHECK_MESSAGE(pair.Commit(), "backing file 'base'");
  CHECK(BytesOf(pair.top) == before);
}

TEST(AnImageWithoutABackingFileIsRefused) {
  Pair pair;
  pair.top = pair.base;
  CHECK_MESSAGE(pair.Commit(), "Image does not have a backing file");
}
