// FileNode's reads and writes: by every engine, with O_DIRECT, at odd ends, and when things fail.
#include "core/scope.h"
#include "file/file_node.h"
#include "file_fixture.h"

namespace fusebay::test {

namespace {

// Random requests on a real file against a flat array.
void RandomRequestsMatch(const Way& way, std::uint64_t size) {
  TemporaryFolder folder;
  Bench bench(way.loop);
  const std::string path = folder.Sparse("disk", size);
  const BlockRef ref = bench.Use(bench.Open(FileBy(way, path)));
  std::vector<std::byte> model(size);
  std::mt19937_64 random(Seed());
  for (int i = 0; i < 60; ++i) {
    const std::uint64_t offset = random() % size;
    const std::uint64_t length = 1 + random() % std::min<std::uint64_t>(size - offset, 20000);
    const auto at = model.begin() + static_cast<std::ptrdiff_t>(offset);
    if (random() % 2 == 0) {
      const Data data = Data::Pattern(length, static_cast<unsigned>(i));
      CHECK_OK(bench.Write(ref, offset, data, {.fua = random() % 8 == 0}));
      std::copy(data.bytes().begin(), data.bytes().end(), at);
    }
    const Data data = bench.Read(ref, offset, length);
    CHECK(std::equal(data.bytes().begin(), data.bytes().end(), at));
    CHECK_EQ(FileSize(path), size);
  }
  CHECK_OK(bench.Run(ref.Flush(FlushMode::kDisk)));
  CHECK(FileBytes(path) == model);
}

}  // namespace

TEST(EveryEngineReadsWhatWasWritten) {
  ForEachWay([](const Way& way) { RandomRequestsMatch(way, 64 << 10); });
}

TEST(AFileMayHaveAnySizeAndKeepsIt) {
  ForEachWay([](const Way& way) {
    for (const std::uint64_t size : {1u, 511u, 513u, 4095u, 4097u, 70001u}) {
      RandomRequestsMatch(way, size);
    }
  });
}

TEST(AnEmptyFileHasNothingToRead) {
  TemporaryFolder folder;
  Bench bench;
  const BlockRef ref = bench.Use(bench.Open(File(folder.Sparse("empty", 0))));
  CHECK_OK(bench.Run(ref.Read(0, Data(0).vec())));
  CHECK_OK(bench.Run(ref.Flush(FlushMode::kDisk)));
}

TEST(AFileThatWasCutShortReadsAsZeroes) {
  ForEachWay([](const Way& way) {
    TemporaryFolder folder;
    Bench bench(way.loop);
    const std::string path = folder.File("disk", Data::Pattern(20000).bytes());
    const BlockRef ref = bench.Use(bench.Open(FileBy(way, path)));
    CHECK_EQ(truncate(path.c_str(), 5000), 0);
    CHECK(bench.Read(ref, 4096, 904).bytes()[0] == Data::Pattern(20000).bytes()[4096]);
    CHECK(bench.Read(ref, 5000, 15000).IsAll(std::byte{0}));
    CHECK(bench.Read(ref, 16384, 3616).IsAll(std::byte{0}));
  });
}

TEST(WhatLiesBeyondTheNodesSizeIsNotShown) {
  TemporaryFolder folder;
  Bench bench;
  BlockdevOptions options = FileBy({.loop = {}, .aio = {}, .direct = true},
                                   folder.File("disk", Data(5000, std::byte{1}).bytes()));
  BlockNode& node = bench.Open(options);
  const std::uint32_t alignment = node.limits().request_alignment;
  const std::uint64_t last = AlignDown(5000, alignment);
  Buffer buffer = bench.loop->buffers().Get(alignment);
  CHECK_OK(bench.Run(node.Read(last, buffer.vec().First(alignment))));
  Data copy(alignment);
  buffer.vec().First(alignment).CopyTo(copy.begin());
  CHECK_EQ(std::to_integer<int>(copy.bytes()[5000 - last - 1]), 1);
  CHECK_EQ(std::to_integer<int>(copy.bytes()[5000 - last]), 0);
}

TEST(ManyPiecesAreReadAndWritten) {
  TemporaryFolder folder;
  Bench bench;
  const std::string path = folder.Sparse("disk", 40000);
  const BlockRef ref = bench.Use(bench.Open(File(path)));
  Data data = Data::Pattern(40000);
  std::vector<iovec> pieces;
  for (std::size_t at = 0; at < 40000; at += 1000) {
    pieces.push_back({data.begin() + at, 1000});
  }
  const IoVec part = IoVec{pieces, 0, 40000}.Slice(10, 39000);
  CHECK_OK(bench.Run(ref.Write(10, part, {})));
  Data expected(40000);
  std::copy_n(data.begin() + 10, 39000, expected.begin() + 10);
  CHECK(FileBytes(path) == expected.bytes());
}

TEST(ACachedReadAndAQuickWriteNeedNoFrame) {
  TemporaryFolder folder;
  Bench bench;
  const BlockRef ref = bench.Use(bench.Open(File(folder.File("disk", Data(8192).bytes()))));
  Data data(4096);
  struct Measure {
    static Task<std::uint64_t> Frames(const BlockRef& ref, const Data& data) {
      const std::uint64_t before = FramePool::ThreadStats().frames;
      const Result<> r = co_await ref.Read(0, data.vec());
      const Result<> w = co_await ref.Write(4096, data.vec(), {});
      FB_ASSERT(r.ok() && w.ok());
      co_return FramePool::ThreadStats().frames - before;
    }
  };
  CHECK_EQ(bench.Run(Measure::Frames(ref, data)), 0u);
}

TEST(ShortTransfersGoOn) {
  SimScene s(256 << 10, {.short_io = 0.8});
  const Data data = Data::Pattern(200000);
  CHECK_OK(s.Write(1000, data));
  CHECK(s.Read(1000, 200000) == data);
}

TEST(AnInterruptedOperationIsTriedAgain) {
  SimScene s(8192);
  for (const int code : {EINTR, EAGAIN}) {
    s.disk.Inject({.kind = IoOp::Kind::kWrite, .count = 3, .result = -code});
    s.disk.Inject({.kind = IoOp::Kind::kRead, .count = 3, .result = -code});
    CHECK_OK(s.Write(0, Data(100, std::byte{1})));
    CHECK(s.Read(0, 100).IsAll(std::byte{1}));
  }
}

TEST(AnOperationThatNeverGetsAnywhereFails) {
  SimScene s(8192);
  s.disk.Inject({.kind = IoOp::Kind::kWrite, .count = 100000, .result = -EAGAIN});
  CHECK_ERRNO(s.Write(0, Data(100)), EAGAIN);
}

TEST(ErrorsArePassedUp) {
  SimScene s(8192);
  s.disk.Inject({.kind = IoOp::Kind::kWrite, .result = -ENOSPC});
  CHECK_ERRNO(s.Write(0, Data(100)), ENOSPC);
  s.disk.Inject({.kind = IoOp::Kind::kRead, .result = -EIO});
  CHECK_ERRNO(s.Run(s.ref.Read(0, Data(100).vec())), EIO);
}

TEST(AWriteThatTakesNothingFails) {
  SimScene s(8192);
  s.disk.Inject({.kind = IoOp::Kind::kWrite, .count = 100000, .result = 0});
  CHECK_ERRNO(s.Write(0, Data(100)), EIO);
}

TEST(AReadOfNothingIsTheEndOfTheFile) {
  SimScene s(8192);
  CHECK_OK(s.Write(0, Data(8192, std::byte{1})));
  s.disk.Inject({.kind = IoOp::Kind::kRead, .count = 100000, .result = 0});
  CHECK(s.Read(0, 100).IsAll(std::byte{0}));
}

namespace {

Task<Unit> ReadInto(const BlockRef& ref, std::uint64_t offset, const Data& data) {
  const Result<> r = co_await ref.Read(offset, data.vec());
  FB_ASSERT(r.ok());
  co_return Unit{};
}

Task<Unit> ReadBoth(const BlockRef& ref, const Data& a, const Data& b) {
  TaskScope scope;
  scope.Spawn(ReadInto(ref, 0, a));
  scope.Spawn(ReadInto(ref, 4096, b));
  co_await scope.Join();
  co_return Unit{};
}

}  // namespace

TEST(TwoReadsOverlapInTime) {
  SimScene s(8192, {.min_latency = Nanoseconds(1'000'000), .max_latency = Nanoseconds(1'000'000)});
  const Clock::time_point begin = s.loop->Now();
  const Data a(4096);
  const Data b(4096);
  s.Run(ReadBoth(s.ref, a, b));
  CHECK(s.loop->Now() - begin < Nanoseconds(1'500'000));
}

// A pause that gets longer while writes go on being slow, and is over in the end.
TEST(SlowWritesAreNoMoreMadeOnTheLoop) {
  FileNode::WritePace pace;
  Clock::time_point now{std::chrono::seconds(1)};
  pace.Note(now, now + std::chrono::microseconds(5), 4096);
  CHECK(pace.IsQuick(now));
  const auto pause_after_a_slow_write = [&] {
    const Clock::time_point end = now + std::chrono::milliseconds(10);
    pace.Note(now, end, 4096);
    now = end;
    while (!pace.IsQuick(now)) {
      now += std::chrono::milliseconds(1);
    }
    return now - end;
  };
  const auto first = pause_after_a_slow_write();
  CHECK(first > Nanoseconds(0));
  CHECK(pause_after_a_slow_write() > first);
  for (int i = 0; i < 20; ++i) {
    pause_after_a_slow_write();
  }
  CHECK(pause_after_a_slow_write() <= std::chrono::milliseconds(256));
}

}  // namespace fusebay::test
