// The simulated disk: what survives a power cut, errors, virtual time, and determinism.
#include "sim_engine.h"

#include <linux/falloc.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <string>

#include "core/scope.h"
#include "core_fixture.h"

namespace fusebay::test {

namespace {

constexpr std::size_t kFileSize = 64 * 1024;
constexpr std::size_t kBlock = 4096;

// One disk with one file of zeroes, and a loop on it.
struct Scene {
  explicit Scene(std::uint64_t seed = Seed(), const SimOptions& options = {})
      : disk(seed, options), file(disk.AddFile(kFileSize)), fd(disk.Open(file)) {}

  char Visible(std::size_t offset) { return static_cast<char>(disk.Visible(file)[offset]); }

  WorkerPool workers{1};
  SimDisk disk;
  SimFile file;
  UniqueFd fd;
  Loop loop = MakeSimLoop(disk, workers);
};

Task<std::int32_t> WriteBlock(Scene& scene, std::uint64_t offset, char fill,
                              std::size_t size = kBlock) {
  Buffer buffer = scene.loop->buffers().Get(size);
  buffer.vec().Fill(static_cast<std::byte>(fill));
  const std::int32_t n = co_await scene.loop->Write(scene.fd.get(), offset, buffer.vec());
  co_return n;
}

Task<std::int32_t> ReadBlock(Scene& scene, std::uint64_t offset, char& first) {
  Buffer buffer = scene.loop->buffers().Get(kBlock);
  const std::int32_t n = co_await scene.loop->Read(scene.fd.get(), offset, buffer.vec());
  first = static_cast<char>(buffer.data()[0]);
  co_return n;
}

Task<std::int32_t> Sync(Scene& scene) {
  const std::int32_t n = co_await scene.loop->Datasync(scene.fd.get());
  co_return n;
}

Task<std::int32_t> Fallocate(Scene& scene, std::uint32_t mode, std::uint64_t offset,
                             std::uint64_t length) {
  const std::int32_t n = co_await scene.loop->Fallocate(scene.fd.get(), mode, offset, length);
  co_return n;
}

Task<Unit> WriteAndCount(Scene& scene, std::uint64_t offset, std::set<std::int32_t>& results) {
  const std::int32_t n = co_await WriteBlock(scene, offset, 'w');
  results.insert(n);
  co_return Unit{};
}

// Sixteen blocks at once; gives the results that occurred.
Task<std::set<std::int32_t>> WriteAllBlocks(Scene& scene) {
  std::set<std::int32_t> results;
  TaskScope scope;
  for (std::uint64_t offset = 0; offset < kFileSize; offset += kBlock) {
    scope.Spawn(WriteAndCount(scene, offset, results));
  }
  co_await scope.Join();
  co_return results;
}

Task<Unit> SyncLater(Scene& scene, Nanoseconds after) {
  co_await scene.loop->SleepFor(after);
  co_await scene.loop->Datasync(scene.fd.get());
  co_return Unit{};
}

// How many sectors hold this byte.
std::ptrdiff_t Sectors(const std::vector<std::byte>& bytes, char fill) {
  std::ptrdiff_t count = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 512) {
    count += bytes[at] == static_cast<std::byte>(fill) ? 1 : 0;
  }
  return count;
}

std::uint64_t TraceOfSeed(std::uint64_t seed) {
  SimOptions options;
  options.short_io = 0.3;
  options.io_error = 0.1;
  Scene scene(seed, options);
  scene.loop->RunUntilDone(WriteAllBlocks(scene));
  scene.disk.Crash();
  std::uint64_t trace = scene.disk.trace();
  for (const std::byte value : scene.disk.Visible(scene.file)) {
    trace = trace * 31 + static_cast<std::uint64_t>(value);
  }
  return trace;
}

}  // namespace

TEST(WrittenDataIsReadBack) {
  Scene scene;
  char first = 0;
  CHECK_EQ(scene.loop->RunUntilDone(WriteBlock(scene, kBlock, 'x')), 4096);
  CHECK_EQ(scene.loop->RunUntilDone(ReadBlock(scene, kBlock, first)), 4096);
  CHECK_EQ(first, 'x');
}

TEST(ReadPastEndIsShort) {
  Scene scene;
  char first = 0;
  CHECK_EQ(scene.loop->RunUntilDone(ReadBlock(scene, kFileSize - 100, first)), 100);
  CHECK_EQ(scene.loop->RunUntilDone(ReadBlock(scene, kFileSize, first)), 0);
}

TEST(SameSeedSameRun) {
  CHECK_EQ(TraceOfSeed(7), TraceOfSeed(7));
  CHECK(TraceOfSeed(7) != TraceOfSeed(8));
}

TEST(SyncedDataAlwaysSurvives) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Scene scene(seed);
    scene.loop->RunUntilDone(WriteBlock(scene, 0, 's'));
    CHECK_EQ(scene.loop->RunUntilDone(Sync(scene)), 0);
    scene.loop->RunUntilDone(WriteBlock(scene, kBlock, 'u'));
    scene.disk.Crash();
    CHECK_EQ(Sectors(scene.disk.Visible(scene.file), 's'), 8);
  }
}

TEST(UnsyncedDataIsLostWholeOrTorn) {
  std::set<std::ptrdiff_t> outcomes;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Scene scene(seed);
    scene.loop->RunUntilDone(WriteBlock(scene, 0, 'u'));
    scene.disk.Crash();
    outcomes.insert(Sectors(scene.disk.Visible(scene.file), 'u'));
  }
  CHECK(outcomes.contains(0));
  CHECK(outcomes.contains(8));
  CHECK(outcomes.size() > 3);
}

TEST(UnsyncedWritesLandInAnyOrder) {
  std::set<char> last;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Scene scene(seed);
    scene.loop->RunUntilDone(WriteBlock(scene, 0, 'a', 512));
    scene.loop->RunUntilDone(WriteBlock(scene, 0, 'b', 512));
    scene.disk.Crash();
    last.insert(scene.Visible(0));
  }
  CHECK(last == (std::set<char>{0, 'a', 'b'}));
}

TEST(SyncSaysNothingOfWritesThatComeLater) {
  bool lost = false;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Scene scene(seed);
    scene.loop->RunUntilDone(Sync(scene));
    scene.loop->RunUntilDone(WriteBlock(scene, 0, 'u'));
    scene.disk.Crash();
    lost = lost || scene.Visible(0) == 0;
  }
  CHECK(lost);
}

namespace {

// A sync that is queued while a write is in progress.
Task<Unit> WriteWithSyncInside(Scene& scene) {
  TaskScope scope;
  std::set<std::int32_t> results;
  scope.Spawn(WriteAndCount(scene, 0, results));
  scope.Spawn(SyncLater(scene, Nanoseconds(1)));
  co_await scope.Join();
  co_return Unit{};
}

}  // namespace

TEST(SyncSaysNothingOfWritesInProgress) {
  Scene scene;
  scene.loop->RunUntilDone(WriteWithSyncInside(scene));
  CHECK_EQ(scene.Visible(0), 'w');
  CHECK_EQ(Sectors(scene.disk.Durable(scene.file), 'w'), 0);
}

TEST(GrowthIsAsVolatileAsData) {
  std::set<std::size_t> sizes;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Scene scene(seed);
    CHECK_EQ(scene.loop->RunUntilDone(Fallocate(scene, 0, kFileSize, 1024)), 0);
    scene.disk.Crash();
    sizes.insert(scene.disk.Visible(scene.file).size());
  }
  CHECK(sizes.contains(kFileSize));
  CHECK(sizes.contains(kFileSize + 1024));
}

TEST(PunchedHoleReadsAsZeroes) {
  Scene scene;
  scene.loop->RunUntilDone(WriteBlock(scene, 0, 'x'));
  const std::uint32_t punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  CHECK_EQ(scene.loop->RunUntilDone(Fallocate(scene, punch, 0, 512)), 0);
  CHECK_EQ(scene.Visible(0), 0);
  CHECK_EQ(scene.Visible(512), 'x');
  CHECK_EQ(scene.loop->RunUntilDone(Fallocate(scene, FALLOC_FL_COLLAPSE_RANGE, 0, 512)),
           -EOPNOTSUPP);
}

TEST(WritesAroundTheEngineBecomeDurableWithASync) {
  Scene scene;
  CHECK_EQ(::pwrite(scene.fd.get(), "around", 6, 0), 6);
  CHECK_EQ(Sectors(scene.disk.Durable(scene.file), 'a'), 0);
  scene.loop->RunUntilDone(Sync(scene));
  CHECK_EQ(Sectors(scene.disk.Durable(scene.file), 'a'), 1);
}

TEST(WithoutPowerEverythingFailsUntilItIsBack) {
  Scene scene;
  scene.disk.Crash();
  CHECK_EQ(scene.loop->RunUntilDone(WriteBlock(scene, 0, 'x')), -EIO);
  CHECK_EQ(scene.loop->RunUntilDone(Sync(scene)), -EIO);
  scene.disk.PowerOn();
  CHECK_EQ(scene.loop->RunUntilDone(WriteBlock(scene, 0, 'x')), 4096);
}

TEST(CrashInTheMiddleEndsWhatIsInProgress) {
  Scene scene;
  scene.disk.CrashAfter(5);
  const std::set<std::int32_t> results = scene.loop->RunUntilDone(WriteAllBlocks(scene));
  CHECK(results == (std::set<std::int32_t>{-EIO, 4096}));
  CHECK(!scene.disk.powered());
}

TEST(ShortTransfersAndErrorsOccur) {
  SimOptions options;
  options.short_io = 0.4;
  options.io_error = 0.2;
  Scene scene(1, options);
  const std::set<std::int32_t> results = scene.loop->RunUntilDone(WriteAllBlocks(scene));
  CHECK(results.contains(-EIO));
  CHECK(results.contains(4096));
  CHECK(std::ranges::any_of(results, [](std::int32_t n) { return n > 0 && n < 4096; }));
}

TEST(FailedWriteChangesNothing) {
  Scene scene;
  scene.disk.Inject({.kind = IoOp::Kind::kWrite, .skip = 1, .result = -ENOSPC});
  CHECK_EQ(scene.loop->RunUntilDone(WriteBlock(scene, 0, 'a')), 4096);
  CHECK_EQ(scene.loop->RunUntilDone(WriteBlock(scene, 0, 'b')), -ENOSPC);
  CHECK_EQ(scene.Visible(0), 'a');
  CHECK_EQ(scene.loop->RunUntilDone(WriteBlock(scene, 0, 'c')), 4096);
}

TEST(FaultCanShortenATransfer) {
  Scene scene;
  scene.disk.Inject({.kind = IoOp::Kind::kWrite, .result = 100});
  CHECK_EQ(scene.loop->RunUntilDone(WriteBlock(scene, 0, 'a')), 100);
  CHECK_EQ(scene.Visible(99), 'a');
  CHECK_EQ(scene.Visible(100), 0);
}

TEST(FailedSyncMakesNothingDurable) {
  Scene scene;
  scene.disk.Inject({.kind = IoOp::Kind::kDatasync});
  scene.loop->RunUntilDone(WriteBlock(scene, 0, 'x'));
  CHECK_EQ(scene.loop->RunUntilDone(Sync(scene)), -EIO);
  CHECK_EQ(Sectors(scene.disk.Durable(scene.file), 'x'), 0);
}

TEST(TimeIsVirtual) {
  Scene scene;
  const Clock::time_point real = Clock::now();
  const Clock::time_point start = scene.loop->Now();
  scene.loop->RunUntilDone(SyncLater(scene, std::chrono::hours(24)));
  CHECK(scene.loop->Now() - start >= std::chrono::hours(24));
  CHECK(Clock::now() - real < std::chrono::seconds(10));
}

TEST(OperationsOverlap) {
  Scene scene;
  const Clock::time_point start = scene.loop->Now();
  scene.loop->RunUntilDone(WriteAllBlocks(scene));
  CHECK(scene.loop->Now() - start <= SimOptions{}.max_latency);
}

namespace {

Task<bool> BlockingCall(Scene& scene) {
  bool ran = false;
  const Result<> r = co_await scene.loop->RunBlocking([&ran] {
    ran = true;
    return Ok();
  });
  co_return r.ok() && ran;
}

}  // namespace

TEST(RunBlockingRunsInsideTheSimulation) {
  Scene scene;
  CHECK(scene.loop->RunUntilDone(BlockingCall(scene)));
  CHECK(scene.loop->Now() > Clock::time_point{});
}

}  // namespace fusebay::test
