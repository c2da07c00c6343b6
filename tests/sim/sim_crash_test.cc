// Power cuts and I/O errors below a file on a simulated disk: what a completed flush covered is
// there afterwards, everything else is old or new, sector by sector, and no error is kept quiet.
#include <array>

#include "core/scope.h"
#include "sim_device.h"

namespace fusebay::test {

namespace {

constexpr std::uint64_t kSector = 512;
constexpr std::uint64_t kSize = 48 << 10;
constexpr std::uint64_t kSectors = kSize / kSector;
constexpr std::uint64_t kMaxLength = 6 << 10;
constexpr std::size_t kTasks = 4;
constexpr std::array<std::uint32_t, 3> kAlignments{1, 512, 4096};

using Sector = std::array<std::byte, kSector>;

// Everything that one sector has been meant to hold, oldest first. Each sector has one writer, so
// that they are in order.
struct History {
  std::vector<Sector> versions{Sector{}};
  std::size_t completed = 0;  // the newest whose write has returned
  std::size_t durable = 0;    // the newest that a flush or FUA has promised
};

struct Scene {
  Scene(std::uint64_t seed, Verdict& its_verdict)
      : alignment(kAlignments[seed % kAlignments.size()]),
        device(seed, {.size = kSize, .alignment = alignment}, DiskOptions(alignment, 0.1, kSector)),
        sectors(kSectors),
        verdict(its_verdict) {}

  const std::uint32_t alignment;
  SimDevice device;
  std::vector<History> sectors;
  Verdict& verdict;
  std::uint64_t operations = 0;
  std::uint64_t next_stamp = 1;
};

struct Change {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  bool zeroes = false;
  bool fua = false;
  std::uint64_t stamp = 0;  // what its bytes are made of
  std::uint64_t first_sector() const { return offset / kSector; }
  std::uint64_t last_sector() const { return (offset + length - 1) / kSector; }
  std::byte ByteAt(std::uint64_t at) const {
    return zeroes ? std::byte{0} : static_cast<std::byte>(stamp >> (at % 3 * 8) | 1);
  }
};

// Without O_DIRECT a file system tears at any byte for all the simulation knows: whole sectors
// then.
Change RandomChange(Scene& scene, std::uint64_t begin, std::uint64_t end) {
  SeededRandom& random = scene.device.random;
  const std::uint64_t unit = scene.alignment == 1 || random.OneIn(2) ? kSector : 1;
  Change change;
  change.offset = begin + random.Below((end - begin) / unit) * unit;
  const std::uint64_t most = std::min(end - change.offset, kMaxLength);
  change.length = std::max(unit, random.Between(1, most) / unit * unit);
  change.zeroes = random.OneIn(5);
  change.fua = random.OneIn(8);
  change.stamp = scene.next_stamp++ * 0x9e3779b9;
  return change;
}

// Notes what the change is going to make of each of its sectors.
void Announce(Scene& scene, const Change& change) {
  for (std::uint64_t i = change.first_sector(); i <= change.last_sector(); ++i) {
    Sector next = scene.sectors[i].versions.back();
    for (std::uint64_t j = 0; j < kSector; ++j) {
      const std::uint64_t at = i * kSector + j;
      if (at >= change.offset && at < change.offset + change.length) {
        next[j] = change.ByteAt(at);
      }
    }
    scene.sectors[i].versions.push_back(next);
  }
}

Task<Result<>> Perform(Scene& scene, Change change) {
  ++scene.operations;
  const BlockRef& ref = scene.device.ref;
  Result<> r = Ok();
  if (change.zeroes) {
    r = co_await ref.WriteZeroes(change.offset, change.length,
                                 {.may_unmap = change.fua, .fua = change.fua});
  } else {
    const Scattered data(scene.device, change.length);
    for (std::uint64_t i = 0; i < change.length; ++i) {
      data.data()[i] = change.ByteAt(change.offset + i);
    }
    r = co_await ref.Write(change.offset, data.vec(), {.fua = change.fua});
  }
  co_return r;
}

Task<Result<>> FlushAll(Scene& scene) {
  ++scene.operations;
  std::vector<std::size_t> covered;
  for (const History& sector : scene.sectors) {
    covered.push_back(sector.completed);
  }
  const Result<> r = co_await scene.device.ref.Flush(FlushMode::kDisk);
  for (std::size_t i = 0; r.ok() && i < covered.size(); ++i) {
    scene.sectors[i].durable = std::max(scene.sectors[i].durable, covered[i]);
  }
  co_return r;
}

// Writes to its own sectors until the power goes.
Task<Unit> WorkUntilTheEnd(Scene& scene, std::uint64_t first, std::uint64_t last) {
  for (int i = 0; i < 60; ++i) {
    if (scene.device.random.OneIn(6)) {
      const Result<> r = co_await FlushAll(scene);
      if (!r.ok()) {
        break;
      }
      continue;
    }
    const Change change = RandomChange(scene, first * kSector, last * kSector);
    Announce(scene, change);
    const Result<> r = co_await Perform(scene, change);
    if (!r.ok()) {
      break;
    }
    for (std::uint64_t s = change.first_sector(); s <= change.last_sector(); ++s) {
      History& sector = scene.sectors[s];
      sector.completed = sector.versions.size() - 1;
      sector.durable = change.fua ? sector.completed : sector.durable;
    }
  }
  co_return Unit{};
}

Task<Unit> WorkTogether(Scene& scene) {
  TaskScope scope;
  for (std::size_t i = 0; i < kTasks; ++i) {
    scope.Spawn(WorkUntilTheEnd(scene, kSectors * i / kTasks, kSectors * (i + 1) / kTasks));
  }
  co_await scope.Join();
  co_return Unit{};
}

// Each sector is the last one promised, or one that came later; it is then all there is.
Task<Unit> CheckSurvivors(Scene& scene) {
  const Scattered data(scene.device, kSize);
  const Result<> r = co_await scene.device.ref.Read(0, data.vec());
  scene.verdict.Expect(r.ok(), "a read after the power cut failed");
  for (std::size_t i = 0; r.ok() && i < kSectors; ++i) {
    Sector found{};
    std::copy_n(data.data() + i * kSector, kSector, found.begin());
    const History& history = scene.sectors[i];
    const auto since = history.versions.begin() + static_cast<std::ptrdiff_t>(history.durable);
    const bool known = std::find(since, history.versions.end(), found) != history.versions.end();
    const bool ever = std::ranges::find(history.versions, found) != history.versions.end();
    scene.verdict.Expect(known, std::string(ever ? "an old version of" : "nonsense in") +
                                    " sector " + std::to_string(i));
    scene.sectors[i] = History{.versions = {found}};
  }
  co_return Unit{};
}

std::uint64_t RunPowerCuts(std::uint64_t seed, Verdict& verdict) {
  Scene scene(seed, verdict);
  for (int i = 0; i < 3 && verdict.ok(); ++i) {
    scene.device.disk.CrashAfter(scene.device.random.Between(1, 250));
    scene.device.Run(WorkTogether(scene));
    if (scene.device.disk.powered()) {
      scene.device.disk.Crash();
    }
    verdict.Expect(!scene.device.Detach().ok(), "closing without power says nothing");
    scene.device.disk.PowerOn();
    scene.device.Attach();
    scene.device.Run(CheckSurvivors(scene));
  }
  return scene.operations;
}

// Repeats a change until it is made; an error may leave it half made.
Task<Unit> InsistOn(Scene& scene, Change change) {
  Announce(scene, change);
  for (int i = 0; i < 200; ++i) {
    const Result<> r = co_await Perform(scene, change);
    if (r.ok()) {
      co_return Unit{};
    }
    scene.verdict.Expect(r.error() == Errno{EIO}, "not EIO");
  }
  scene.verdict.Expect(false, "a change never succeeds");
  co_return Unit{};
}

Task<Unit> CheckSectors(Scene& scene, std::uint64_t first, std::uint64_t last) {
  const Scattered data(scene.device, (last - first) * kSector);
  Result<> r = Errno{EIO};
  for (int i = 0; i < 200 && !r.ok(); ++i) {
    ++scene.operations;
    r = co_await scene.device.ref.Read(first * kSector, data.vec());
    scene.verdict.Expect(r.ok() || r.error() == Errno{EIO}, "not EIO");
  }
  scene.verdict.Expect(r.ok(), "a read never succeeds");
  for (std::uint64_t i = first; scene.verdict.ok() && i < last; ++i) {
    const Sector& expected = scene.sectors[i].versions.back();
    scene.verdict.Expect(
        std::equal(expected.begin(), expected.end(), data.data() + (i - first) * kSector),
        "wrong data in sector " + std::to_string(i));
  }
  co_return Unit{};
}

Task<Unit> WorkInSpiteOfErrors(Scene& scene, std::uint64_t first, std::uint64_t last,
                               bool& flush_failed) {
  for (int i = 0; i < 20 && scene.verdict.ok(); ++i) {
    Change change = RandomChange(scene, first * kSector, last * kSector);
    change.fua = change.fua && !change.zeroes;  // that would be a flush
    co_await InsistOn(scene, change);
    const std::uint64_t from = scene.device.random.Between(first, last - 1);
    co_await CheckSectors(scene, from, scene.device.random.Between(from + 1, last));
    if (scene.device.random.OneIn(10)) {
      const bool failed_before = flush_failed;
      const Result<> flushed = co_await FlushAll(scene);
      scene.verdict.Expect(!(failed_before && flushed.ok()), "a failed flush is forgotten");
      flush_failed = flush_failed || !flushed.ok();
    }
  }
  co_return Unit{};
}

Task<Unit> WorkTogetherInSpiteOfErrors(Scene& scene, bool& flush_failed) {
  TaskScope scope;
  for (std::size_t i = 0; i < kTasks; ++i) {
    scope.Spawn(WorkInSpiteOfErrors(scene, kSectors * i / kTasks, kSectors * (i + 1) / kTasks,
                                    flush_failed));
  }
  co_await scope.Join();
  co_return Unit{};
}

std::uint64_t RunErrors(std::uint64_t seed, Verdict& verdict) {
  Scene scene(seed, verdict);
  SimOptions options = DiskOptions(scene.alignment, 0.1, kSector);
  options.io_error = 0.05;
  scene.device.disk.SetOptions(options);
  bool flush_failed = false;
  scene.device.Run(WorkTogetherInSpiteOfErrors(scene, flush_failed));
  options.io_error = 0;
  scene.device.disk.SetOptions(options);
  scene.device.Run(CheckSectors(scene, 0, kSectors));
  verdict.Expect(scene.device.Detach().ok() != flush_failed, "closing forgets a failed flush");
  return scene.operations;
}

// One device that works, for a fault at a chosen place.
struct Faulty {
  explicit Faulty(std::uint32_t alignment = 1)
      : device(1, {.size = kSize, .alignment = alignment}, {}) {}
  Result<> Write(std::uint64_t offset, std::uint64_t length, WriteFlags flags = {}) {
    const Scattered data(device, length, std::byte{'w'});
    return device.Run(device.ref.Write(offset, data.vec(), flags));
  }
  Result<> Read(std::uint64_t offset, std::uint64_t length) {
    const Scattered data(device, length);
    return device.Run(device.ref.Read(offset, data.vec()));
  }
  Result<> Flush() { return device.Run(device.ref.Flush(FlushMode::kDisk)); }
  SimDevice device;
};

}  // namespace

TEST(WhatAFlushCoveredSurvivesAPowerCut) { RunSeeds("power cuts", 30, &RunPowerCuts); }

TEST(ErrorsAreReportedAndDataIsNeverWrong) { RunSeeds("errors", 100, &RunErrors); }

TEST(AFailedReadSaysSo) {
  Faulty faulty;
  faulty.device.disk.Inject({.kind = IoOp::Kind::kRead});
  CHECK_ERRNO(faulty.Read(0, 4096), EIO);
  CHECK_OK(faulty.Read(0, 4096));
}

TEST(AFailedWriteSaysSo) {
  Faulty faulty;
  faulty.device.disk.Inject({.kind = IoOp::Kind::kWrite, .result = -ENOSPC});
  CHECK_ERRNO(faulty.Write(0, 4096), ENOSPC);
  CHECK_OK(faulty.Write(0, 4096));
}

TEST(AWriteThatFailsAfterAShortOneSaysSo) {
  Faulty faulty;
  faulty.device.disk.Inject({.kind = IoOp::Kind::kWrite, .result = 512});
  faulty.device.disk.Inject({.kind = IoOp::Kind::kWrite});
  CHECK_ERRNO(faulty.Write(0, 4096), EIO);
}

TEST(AReadModifyWriteThatCannotReadChangesNothing) {
  Faulty faulty(4096);
  faulty.device.disk.Inject({.kind = IoOp::Kind::kRead});
  const std::vector<std::byte> before = faulty.device.disk.Visible(faulty.device.file);
  CHECK_ERRNO(faulty.Write(100, 10), EIO);
  CHECK(faulty.device.disk.Visible(faulty.device.file) == before);
}

TEST(AFailedFlushStaysFailed) {
  Faulty faulty;
  faulty.device.disk.Inject({.kind = IoOp::Kind::kDatasync});
  CHECK_OK(faulty.Write(0, 4096));
  CHECK_ERRNO(faulty.Flush(), EIO);
  CHECK_ERRNO(faulty.Flush(), EIO);
  CHECK_OK(faulty.Write(0, 4096));
  CHECK_ERRNO(faulty.Flush(), EIO);
  CHECK(!faulty.device.Detach().ok());
}

TEST(ZeroesThatFailAreNoZeroes) {
  Faulty faulty;
  faulty.device.disk.Inject({.kind = IoOp::Kind::kFallocate});
  CHECK_ERRNO(faulty.device.Run(faulty.device.ref.WriteZeroes(0, 4096, {})), EIO);
}

TEST(AForcedWriteIsDurableWhenItReturns) {
  Faulty faulty(512);
  CHECK_OK(faulty.Write(512, 512, {.fua = true}));
  faulty.device.disk.Crash();
  faulty.device.disk.PowerOn();
  CHECK_EQ(static_cast<char>(faulty.device.disk.Durable(faulty.device.file)[512]), 'w');
}

}  // namespace fusebay::test
