// Splitting: what a node gets to see of a request that does not suit it.
#include "block_fixture.h"

namespace fusebay::test {

namespace {

struct Scene {
  explicit Scene(std::uint32_t alignment, std::uint64_t size = 64 << 10)
      : node(bench.AddFake("n", size, alignment)), ref(bench.Use(node)) {
    node.bytes = Data::Pattern(node.bytes.size()).bytes();
  }
  Data Expected(std::uint64_t offset, std::size_t length) const {
    Data data(length);
    std::copy_n(node.bytes.begin() + static_cast<std::ptrdiff_t>(offset), length, data.begin());
    return data;
  }
  Bench bench;
  FakeNode& node;
  BlockRef ref;
};

}  // namespace

TEST(APlainReadGoesThroughAsItIs) {
  Scene s(512);
  CHECK(s.bench.Read(s.ref, 512, 1024) == s.Expected(512, 1024));
  CHECK_EQ(s.node.log, "r1024 ");
}

TEST(ALongReadIsCutAtMaxTransfer) {
  Scene s(512);
  s.node.mutable_limits().max_transfer = 1024;
  CHECK(s.bench.Read(s.ref, 0, 2560) == s.Expected(0, 2560));
  CHECK_EQ(s.node.log, "r1024 r1024 r512 ");
}

TEST(ALongWriteIsCutAtMaxTransfer) {
  Scene s(1);
  s.node.mutable_limits().max_transfer = 1024;
  const Data data = Data::Pattern(2500, 7);
  CHECK_OK(s.bench.Write(s.ref, 3, data));
  CHECK(s.Expected(3, 2500) == data);
  CHECK_EQ(s.node.log, "w1024 w1024 w452 ");
}

TEST(AnUnalignedReadTakesWholeBlocks) {
  Scene s(512);
  CHECK(s.bench.Read(s.ref, 700, 400) == s.Expected(700, 400));
  CHECK_EQ(s.node.log, "r1024 ");
}

TEST(MisalignedMemoryIsBounced) {
  Scene s(512);
  s.node.mutable_limits().memory_alignment = 512;
  Data memory(2048);
  const auto at = reinterpret_cast<std::uintptr_t>(memory.begin());
  const IoVec odd = memory.vec().Slice(AlignUp(at, 512) - at + 1, 1024);
  CHECK_OK(s.bench.Run(s.ref.Read(512, odd)));
  Data copy(1024);
  odd.CopyTo(copy.begin());
  CHECK(copy == s.Expected(512, 1024));
}

TEST(AnEmptyRequestReachesNobody) {
  Scene s(512);
  CHECK_OK(s.bench.Run(s.ref.Read(5, Data(0).vec())));
  CHECK_OK(s.bench.Write(s.ref, 5, Data(0)));
  CHECK_EQ(s.node.log, "");
}

TEST(APlainRequestNeedsNoFrameOfItsOwn) {
  Scene s(1);
  Data data(512);
  // The fake node's own frames: its operation and Begin.
  const std::uint64_t before = FramePool::ThreadStats().frames;
  CHECK_OK(s.bench.Run(s.ref.Read(0, data.vec())));
  CHECK_OK(s.bench.Run(s.ref.Write(0, data.vec(), {})));
  const std::uint64_t direct_before = FramePool::ThreadStats().frames;
  CHECK_OK(s.bench.Run(s.node.Read(0, data.vec())));
  CHECK_OK(s.bench.Run(s.node.Write(0, data.vec(), {})));
  CHECK_EQ(direct_before - before, FramePool::ThreadStats().frames - direct_before);
}

TEST(AnErrorEndsALongWrite) {
  Scene s(512);
  s.node.mutable_limits().max_transfer = 512;
  s.node.write_error = ENOSPC;
  CHECK_ERRNO(s.bench.Write(s.ref, 0, Data(2048)), ENOSPC);
  CHECK_EQ(s.node.log, "w512 ");
}

}  // namespace fusebay::test
