// Which images have data that is only holes.
#include "qcow2/qcow2_sparse.h"

#include "block/qcow2_create.h"
#include "qcow2_fixture.h"

namespace fusebay::qcow2 {
namespace {

using test::Disk;
using test::Folder;

// A new image in a real file.
struct Bench {
  Folder folder;
  Disk disk;
  Image image;

  explicit Bench(Prealloc preallocation) {
    BlockdevOptions options;
    options.driver = "file";
    options.driver_options =
        FileOptions{.filename = folder.Write("x", {}), .aio = {}, .locking = {}};
    const auto node = disk.Run(disk.graph.Open(options));
    CHECK_OK(node);
    auto used = disk.graph.Use((*node)->node_name(),
                               {kPermConsistentRead | kPermWrite | kPermResize, 0}, "the test");
    CHECK_OK(used);
    image.file = std::move(*used);
    Qcow2CreateOptions wanted;
    wanted.size = 4 * kMiB;
    wanted.preallocation = preallocation;
    CHECK_OK(disk.Run(CreateQcow2(image.file, BlockRef(), wanted)));
    ReadHeader();
  }
  ~Bench() { image.file = BlockRef(); }

  void ReadHeader() {
    std::vector<std::byte> bytes(64 * kKiB);
    const iovec iov{bytes.data(), bytes.size()};
    CHECK_OK(disk.Run(image.file.Read(0, IoVec::Of(iov))));
    auto header = ParseHeader(bytes, image.file.size(), "x");
    CHECK_OK(header);
    image.header = *header;
  }
  bool IsSparse() { return disk.Run(qcow2::IsSparse(image)); }
};

TEST(AnEmptyImageIsNotSparse) { CHECK(!Bench(Prealloc::kOff).IsSparse()); }

TEST(PreallocatedMetadataIsSparse) { CHECK(Bench(Prealloc::kMetadata).IsSparse()); }

TEST(PreallocatedDataIsNot) { CHECK(!Bench(Prealloc::kFull).IsSparse()); }

TEST(HolesThatNobodyUsesDoNotCount) {
  Bench bench(Prealloc::kOff);
  CHECK_OK(bench.disk.Run(bench.image.file.Truncate(8 * kMiB, Prealloc::kOff)));
  CHECK(!bench.IsSparse());
}

TEST(RefcountsBeyondTheFileAreNoReason) {
  Bench bench(Prealloc::kMetadata);
  bench.image.header.refcount_table_offset = 1 * kGiB;
  CHECK(!bench.IsSparse());
}

}  // namespace
}  // namespace fusebay::qcow2
