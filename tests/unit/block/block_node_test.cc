// The waist: what it answers itself, and what a driver answers that overrides nothing.
#include "block/block_node.h"

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
