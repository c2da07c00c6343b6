// The filter `compress`: whole clusters go down compressed, and where it cannot be put.
#include "block_fixture.h"
#include "qcow2/qcow2_l2.h"
#include "qcow2/writable_disk.h"

namespace fusebay::test {

namespace {

using qcow2::test::ImageBuilder;
using qcow2::test::ImageShape;
using qcow2::test::kCluster;
using qcow2::test::Of;
using qcow2::test::WritableDisk;

BlockdevOptions Over(std::string below, bool read_only = false) {
  BlockdevOptions options;
  options.driver = "compress";
  options.node_name = "filter";
  options.read_only = read_only;
  options.driver_options =
      CompressOptions{.file = {.node_name = std::move(below), .definition = nullptr}};
  return options;
}

// An image, used through the filter.
struct Filtered {
  explicit Filtered(const ImageBuilder& image = ImageBuilder(), const std::string& backing = {})
      : disk(image, backing) {
    disk.image = BlockRef();  // nobody else may resize the image
    CHECK_OK(disk.Run(disk.graph.Open(Over("image"))));
    filter = disk.Use("filter");
  }
  ~Filtered() {
    filter = BlockRef();
    CHECK_OK(disk.Run(disk.graph.Remove("filter")));
  }
  void Write(std::uint64_t offset, std::string text) {
    const iovec iov{text.data(), text.size()};
    CHECK_OK(disk.Run(filter.Write(offset, IoVec::Of(iov), {})));
  }
  std::string Read(std::uint64_t offset, std::size_t length) {
    return qcow2::test::ReadText(disk, filter, offset, length);
  }
  bool IsCompressed(std::uint64_t index) {
    CHECK_OK(disk.Run(filter.Flush(FlushMode::kDisk)));
    return (disk.L2(index) & qcow2::kCompressed) != 0;
  }
  WritableDisk disk;
  BlockRef filter;
};

}  // namespace

TEST(WhatIsWrittenIsCompressed) {
  Filtered f;
  f.Write(0, Of('a', kCluster));
  CHECK(f.IsCompressed(0));
  CHECK(f.Read(0, kCluster) == Of('a', kCluster));
}

TEST(APartOfAClusterIsWrittenWithTheRestOfIt) {
  Filtered f(ImageBuilder(), Of('b', 2 * kCluster));
  f.Write(kCluster - 2, "1234");
  CHECK(f.IsCompressed(0) && f.IsCompressed(1));
  CHECK_EQ(f.Read(kCluster - 4, 8), "bb1234bb");
}

TEST(TheLastClusterMayReachPastTheEnd) {
  Filtered f(ImageBuilder(ImageShape{.size = kCluster + 1000 / 512 * 512}));
  f.Write(kCluster + 10, "abc");
  CHECK(f.IsCompressed(1));
  CHECK_EQ(f.Read(kCluster + 9, 5), std::string("\0abc\0", 5));
  CHECK_OK(f.disk.Run(f.filter.Truncate(3 * kCluster, Prealloc::kOff)));
  CHECK_EQ(f.filter.size(), 3 * kCluster);
  f.Write(2 * kCluster - 1, "xy");
  CHECK_EQ(f.Read(kCluster + 9, 5) + f.Read(2 * kCluster - 1, 2), std::string("\0abc\0xy", 7));
}

TEST(ZeroesAndDiscardsGoDown) {
  Filtered f;
  f.Write(0, Of('a', 3 * kCluster));
  CHECK_OK(f.disk.Run(f.filter.WriteZeroes(kCluster, kCluster + 5, {.may_unmap = true})));
  CHECK_OK(f.disk.Run(f.filter.Discard(0, kCluster)));
  CHECK(!f.IsCompressed(0) && !f.IsCompressed(1) && f.IsCompressed(2));
  CHECK_EQ(f.Read(2 * kCluster, 7), std::string("\0\0\0\0\0aa", 7));
}

TEST(ZeroesThatAnImageCannotSayAreCompressed) {
  Filtered f(ImageBuilder(ImageShape{.version = 2}), Of('b', kCluster));
  CHECK_OK(f.disk.Run(f.filter.WriteZeroes(0, kCluster, {})));
  CHECK(f.IsCompressed(0));
  CHECK(f.Read(0, kCluster) == Of('\0', kCluster));
}

TEST(StatusAndInformationAreTheImages) {
  Filtered f;
  f.Write(0, Of('a', kCluster));
  const auto status = f.disk.Run(f.filter.Status(0, 2 * kCluster));
  CHECK_OK(status);
  CHECK(status->data && status->depth == 0 && status->length == kCluster);
  const auto info = f.disk.Run(f.filter.node().Info());
  CHECK_OK(info);
  CHECK_EQ(info->format, "qcow2");
}

TEST(WhatCannotCompressIsRefused) {
  Bench bench;
  bench.AddFake("f", 4096, 1);
  CHECK_MESSAGE(bench.TryOpen(Over("f")),
                "Compression is not supported for underlying format: fake");
  CHECK_OK(bench.TryOpen(Over("f", true)));
}

TEST(ADataFileIsRefused) {
  WritableDisk disk(ImageBuilder().Set64(qcow2::kAtIncompatible, qcow2::kIncompatibleDataFile));
  disk.image = BlockRef();
  CHECK_MESSAGE(disk.Run(disk.graph.Open(Over("image"))), "external data file");
}

TEST(AFilterNeedsANode) {
  Bench bench;
  BlockdevOptions options;
  options.driver = "compress";
  CHECK_MESSAGE(bench.TryOpen(options), "Parameter 'file' is missing");
}

}  // namespace fusebay::test
