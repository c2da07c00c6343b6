// Read-modify-write: random requests of any alignment against a flat array, from several loops.
#include <atomic>

#include "block_fixture.h"
#include "loops.h"

namespace fusebay::test {

namespace {

struct Scene {
  Scene(std::uint32_t alignment, std::uint64_t size)
      : node(bench.AddFake("n", size, alignment)), ref(bench.Use(node)) {
    node.mutable_limits().memory_alignment = std::min(alignment, 4096u);
  }
  Bench bench;
  FakeNode& node;
  BlockRef ref;
};

}  // namespace

TEST(ASmallWriteKeepsTheRestOfItsBlock) {
  Scene s(4096, 8192);
  s.node.bytes.assign(8192, std::byte{7});
  CHECK_OK(s.bench.Write(s.ref, 100, Data(10, std::byte{9})));
  CHECK_EQ(std::count(s.node.bytes.begin(), s.node.bytes.end(), std::byte{7}), 8192 - 10);
  CHECK_EQ(s.node.log, "r4096 w4096 ");
}

TEST(AWriteAcrossBlocksReadsItsTwoEnds) {
  Scene s(4096, 16384);
  s.node.bytes.assign(16384, std::byte{7});
  CHECK_OK(s.bench.Write(s.ref, 4000, Data(8300, std::byte{9})));
  CHECK_EQ(std::count(s.node.bytes.begin(), s.node.bytes.end(), std::byte{7}), 16384 - 8300);
  CHECK_EQ(s.node.log, "r4096 r4096 w16384 ");
}

TEST(ABlockMayBeLargerThanABounceBufferOtherwise) {
  Scene s(2 << 20, 4 << 20);
  CHECK_OK(s.bench.Write(s.ref, 5, Data((2 << 20) + 10, std::byte{9})));
  CHECK_EQ(s.node.log, "r2097152 w2097152 r2097152 w2097152 ");
  CHECK_EQ(std::count(s.node.bytes.begin(), s.node.bytes.end(), std::byte{9}), (2 << 20) + 10);
}

TEST(TheLastBlockMayLiePartlyPastTheEnd) {
  Scene s(4096, 5000);
  CHECK_OK(s.bench.Write(s.ref, 4990, Data(10, std::byte{9})));
  CHECK(s.bench.Read(s.ref, 4990, 10).IsAll(std::byte{9}));
  CHECK(s.bench.Read(s.ref, 4096, 894).IsAll(std::byte{0}));
}

TEST(FuaReachesTheNode) {
  Scene s(4096, 8192);
  CHECK_OK(s.bench.Write(s.ref, 1, Data(1), {.fua = true}));
  CHECK_EQ(s.node.log, "r4096 W4096 ");
}

namespace {

constexpr std::uint64_t kShare = 4096 * 5 + 1000;  // so that neighbours share a block

// One of several writers, each with a part of the disk of its own and a model of it.
struct Writer {
  Writer(Scene& of, unsigned which) : scene(of), begin(which * kShare), model(kShare) {
    random.seed(Seed() * 100 + which);
  }
  std::uint64_t Pick(std::uint64_t limit) { return random() % limit; }

  Scene& scene;
  const std::uint64_t begin;
  std::vector<std::byte> model;
  std::mt19937_64 random;
  std::string failure;
};

Task<Unit> OneStep(Writer& w) {
  const std::uint64_t offset = w.Pick(kShare);
  const std::uint64_t length = 1 + w.Pick(std::min<std::uint64_t>(kShare - offset, 9000));
  const auto at = w.model.begin() + static_cast<std::ptrdiff_t>(offset);
  const BlockRef& ref = w.scene.ref;
  switch (w.Pick(4)) {
    case 0: {
      Data data(length);
      const Result<> r = co_await ref.Read(w.begin + offset, data.vec());
      if (!r.ok() || !std::equal(data.bytes().begin(), data.bytes().end(), at)) {
        w.failure = "read differs at " + std::to_string(offset);
      }
      break;
    }
    case 1: {
      const Result<> r = co_await ref.WriteZeroes(w.begin + offset, length, {});
      std::fill_n(at, length, std::byte{0});
      if (!r.ok()) {
        w.failure = "zeroes failed";
      }
      break;
    }
    default: {
      const Data data = Data::Pattern(length, static_cast<unsigned>(w.Pick(1u << 30)));
      const Result<> r = co_await ref.Write(w.begin + offset, data.vec(), {});
      std::copy(data.bytes().begin(), data.bytes().end(), at);
      if (!r.ok()) {
        w.failure = "write failed";
      }
    }
  }
  co_return Unit{};
}

Task<Unit> Steps(Writer& w) {
  for (int i = 0; i < 400 && w.failure.empty(); ++i) {
    co_await OneStep(w);
  }
  co_return Unit{};
}

// Writers on four loops whose parts meet in the middle of blocks.
void RandomRequestsMatchTheModel(std::uint32_t alignment, bool can_zero) {
  constexpr unsigned kWriters = 8;
  Scene s(alignment, kWriters * kShare);
  s.node.yields = true;
  s.node.can_zero = can_zero;
  Loops loops(s.bench.workers, 4);
  std::vector<std::unique_ptr<Writer>> writers;
  std::vector<Task<Unit>> all;
  for (unsigned i = 0; i < kWriters; ++i) {
    writers.push_back(std::make_unique<Writer>(s, i));
    all.push_back(Steps(*writers.back()));
  }
  s.bench.Run(loops.RunAll(std::move(all)));
  for (const auto& writer : writers) {
    CHECK_EQ(writer->failure, "");
    CHECK(std::equal(writer->model.begin(), writer->model.end(),
                     s.node.bytes.begin() + static_cast<std::ptrdiff_t>(writer->begin)));
  }
}

}  // namespace

TEST(RandomRequestsMatchTheModelWithBlocksOf4096) { RandomRequestsMatchTheModel(4096, false); }
TEST(RandomRequestsMatchTheModelWithBlocksOf512) { RandomRequestsMatchTheModel(512, true); }

}  // namespace fusebay::test
