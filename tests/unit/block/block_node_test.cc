// The waist: what it answers itself, and what a driver answers that overrides nothing.
#include "block/block_node.h"

#include <array>
#include <utility>

#include "block_fixture.h"

namespace fusebay::test {

namespace {

// A driver that can only read.
class LeastNode final : public BlockNode {
 public:
  LeastNode(std::string name, bool read_only) : BlockNode(std::move(name), "least", read_only) {
    set_size(4096);
  }

 private:
  Task<Result<>> DoRead(std::uint64_t, IoVec dst) override {
    dst.Fill(std::byte{1});
    return Ok();
  }
};

struct Scene {
  Scene() : node(std::make_unique<LeastNode>("n", false)) {}
  Bench bench;
  std::unique_ptr<BlockNode> node;
};

// A raw node, which makes something of zeroes, over a file that logs what reaches it.
struct Detector {
  explicit Detector(DetectZeroes mode) : file(bench.AddFake("f", 1 << 20)) {
    file.can_zero = true;
    BlockdevOptions options = Raw("f");
    options.discard_unmap = true;
    options.detect_zeroes = mode;
    disk = bench.Use(bench.Open(options));
  }
  ~Detector() { disk = BlockRef(); }
  // What a write of `data` has made the file do.
  std::string Write(const Data& data, WriteFlags flags = {}) {
    CHECK_OK(bench.Write(disk, 4096, data, flags));
    return std::exchange(file.log, {});
  }
  Bench bench;
  FakeNode& file;
  BlockRef disk;
};

}  // namespace

TEST(ADriverThatOverridesNothingReadsOnly) {
  Scene s;
  const Data data(512);
  CHECK_OK(s.bench.Run(s.node->Read(0, data.vec())));
  CHECK_ERRNO(s.bench.Run(s.node->Write(0, data.vec(), {})), EROFS);
  CHECK_ERRNO(s.bench.Run(s.node->WriteZeroes(0, 512, {})), ENOTSUP);
  CHECK_ERRNO(s.bench.Run(s.node->Discard(0, 512)), ENOTSUP);
  CHECK_ERRNO(s.bench.Run(s.node->Allocate(0, 512)), ENOTSUP);
  CHECK_ERRNO(s.bench.Run(s.node->Truncate(512, Prealloc::kOff)), ENOTSUP);
  CHECK_ERRNO(s.bench.Run(s.node->AllocatedSize()), ENOTSUP);
  CHECK_OK(s.bench.Run(s.node->Flush(FlushMode::kDisk)));
}

TEST(ADriverThatKnowsNoHolesHasDataEverywhere) {
  Scene s;
  const auto status = s.bench.Run(s.node->Status(5, 100));
  CHECK_OK(status);
  CHECK_EQ(status->length, 100u);
  CHECK(status->data && status->allocated && !status->zero);
}

TEST(AWriteOfZeroesIsAWriteUnlessTheyAreDetected) {
  CHECK_EQ(Detector(DetectZeroes::kOff).Write(Data(4096)), "w4096 ");
  CHECK_EQ(Detector(DetectZeroes::kOn).Write(Data(4096)), "z4096 ");
  CHECK_EQ(Detector(DetectZeroes::kUnmap).Write(Data(4096)), "z4096 ");
}

TEST(OnlyDetectZeroesUnmapLetsTheSpaceGo) {
  Detector on(DetectZeroes::kOn);
  Detector unmap(DetectZeroes::kUnmap);
  CHECK_EQ(on.Write(Data(4096)), "z4096 ");
  CHECK_EQ(unmap.Write(Data(4096)), "z4096 ");
  CHECK(!on.file.zero_flags.may_unmap);
  CHECK(unmap.file.zero_flags.may_unmap);
}

TEST(AnyOtherByteMakesAWriteAWrite) {
  Detector d(DetectZeroes::kOn);
  for (const std::size_t size : {1u, 15u, 16u, 17u, 512u, 4099u}) {
    CHECK_EQ(d.Write(Data(size)), "z" + std::to_string(size) + " ");
    for (const std::size_t at : {std::size_t{0}, size / 2, size - 1}) {
      Data data(size);
      data.bytes()[at] = std::byte{0x80};
      CHECK_EQ(d.Write(data), "w" + std::to_string(size) + " ");
    }
  }
}

TEST(ZeroesInSeveralPiecesAreDetected) {
  Detector d(DetectZeroes::kOn);
  Data first(100);
  Data second(50);
  const std::array<iovec, 2> pieces{iovec{first.begin(), 100}, iovec{second.begin(), 50}};
  const IoVec all{pieces, 10, 130};
  CHECK_OK(d.bench.Run(d.disk.Write(0, all, {})));
  second.bytes()[39] = std::byte{1};
  CHECK_OK(d.bench.Run(d.disk.Write(0, all, {})));
  CHECK_EQ(d.file.log, "z130 w130 ");
}

TEST(ADetectedWriteKeepsItsFua) {
  Detector d(DetectZeroes::kOn);
  d.Write(Data(512), {.fua = true});
  CHECK(d.file.zero_flags.fua);
  d.Write(Data(512));
  CHECK(!d.file.zero_flags.fua);
}

TEST(AReadOnlyNodeHasNothingToFlush) {
  Bench bench;
  FakeNode& node = bench.AddFake("n", 512, 1, /*read_only=*/true);
  CHECK_OK(bench.Run(node.Flush(FlushMode::kDisk)));
  CHECK_EQ(node.log, "");
}

TEST(ASizeThatNoImageCanHaveIsRefused) {
  Bench bench;
  FakeNode& node = bench.AddFake("n", 512);
  CHECK_ERRNO(bench.Run(node.Truncate(BlockNode::kMaxSize + 1, Prealloc::kOff)), EFBIG);
  CHECK_EQ(node.log, "");
}

TEST(InformationHasADefault) {
  Bench bench;
  const auto info = bench.Run(bench.AddFake("n", 1234).Info());
  CHECK_OK(info);
  CHECK_EQ(info->format, "fake");
  CHECK_EQ(info->filename, "n");
  CHECK_EQ(info->virtual_size, 1234u);
  CHECK(!info->actual_size.has_value());
}

}  // namespace fusebay::test
