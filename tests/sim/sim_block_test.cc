// Random requests to a file on a simulated disk, against a flat array: several tasks at once, with
// any alignment, short transfers, and completions in any order.
#include <array>

#include "core/scope.h"
#include "sim_device.h"

namespace fusebay::test {

namespace {

constexpr std::uint64_t kMaxSize = 48 << 10;
constexpr std::uint64_t kMaxLength = 12 << 10;
constexpr std::array<std::uint32_t, 3> kAlignments{1, 512, 4096};

struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t length() const { return end - begin; }
};

// A disk and what it should read as.
struct Scene {
  Scene(std::uint64_t seed, std::uint64_t size, std::uint32_t alignment, Verdict& its_verdict)
      : device(seed, {.size = size, .alignment = alignment}, DiskOptions(alignment, 0.2, 100)),
        model(size),
        verdict(its_verdict) {}

  Range RandomRange(Range within) {
    SeededRandom& random = device.random;
    const std::uint64_t begin = random.Between(within.begin, within.end - 1);
    const std::uint64_t most = random.OneIn(3) ? 64 : kMaxLength;
    return {begin, begin + random.Between(1, std::min(within.end - begin, most))};
  }
  void Expect(const Result<>& r, const char* what) {
    verdict.Expect(r.ok(), std::string(what) + " failed");
  }

  SimDevice device;
  std::vector<std::byte> model;
  Verdict& verdict;
  std::uint64_t operations = 0;
  unsigned next_tag = 1;
};

std::string At(const char* what, std::uint64_t offset) {
  return std::string(what) + " at " + std::to_string(offset);
}

// What one request does to the bytes of its range.
enum class Change : std::uint8_t { kWrite, kZero, kDiscard };

struct Request {
  Change change = Change::kWrite;
  Range range;
  std::byte tag{0};
  bool flag = false;  // FUA, or may_unmap
};

Request RandomRequest(Scene& scene, Range within) {
  Request request;
  const std::uint64_t kind = scene.device.random.Below(8);
  request.change = kind < 5 ? Change::kWrite : kind < 7 ? Change::kZero : Change::kDiscard;
  request.range = scene.RandomRange(within);
  if (request.change == Change::kWrite) {
    request.tag = static_cast<std::byte>(1 + scene.next_tag++ % 255);
  }
  request.flag = scene.device.random.OneIn(4);
  return request;
}

Task<Result<>> Perform(Scene& scene, Request request) {
  ++scene.operations;
  const BlockRef& ref = scene.device.ref;
  const Range range = request.range;
  Result<> r = Ok();
  if (request.change == Change::kWrite) {
    const Scattered data(scene.device, range.length(), request.tag);
    r = co_await ref.Write(range.begin, data.vec(), {.fua = request.flag});
  } else if (request.change == Change::kZero) {
    r = co_await ref.WriteZeroes(range.begin, range.length(), {.may_unmap = request.flag});
  } else {
    r = co_await ref.Discard(range.begin, range.length());
  }
  co_return r;
}

// Reads a range that nobody else changes and compares it; after a discard a byte may be zero
// instead, and the model then learns which.
Task<Unit> Verify(Scene& scene, Range range, bool after_discard = false) {
  ++scene.operations;
  const Scattered data(scene.device, range.length());
  const Result<> r = co_await scene.device.ref.Read(range.begin, data.vec());
  scene.Expect(r, "a read");
  for (std::uint64_t i = 0; r.ok() && i < range.length(); ++i) {
    std::byte& expected = scene.model[range.begin + i];
    if (after_discard && data[i] == std::byte{0}) {
      expected = std::byte{0};
    }
    if (!scene.verdict.Expect(data[i] == expected, At("a wrong byte", range.begin + i))) {
      break;
    }
  }
  co_return Unit{};
}

Task<Unit> WorkAlone(Scene& scene, Range own, int requests) {
  for (int i = 0; i < requests && scene.verdict.ok(); ++i) {
    if (scene.device.random.OneIn(3)) {
      co_await Verify(scene, scene.RandomRange(own));
      continue;
    }
    const Request request = RandomRequest(scene, own);
    const Result<> r = co_await Perform(scene, request);
    scene.Expect(r, "a request");
    if (request.change == Change::kDiscard) {
      co_await Verify(scene, request.range, true);
    } else {
      std::fill(scene.model.begin() + static_cast<std::ptrdiff_t>(request.range.begin),
                scene.model.begin() + static_cast<std::ptrdiff_t>(request.range.end), request.tag);
    }
    if (scene.device.random.OneIn(20)) {
      const Result<> flushed = co_await scene.device.ref.Flush(FlushMode::kDisk);
      scene.Expect(flushed, "a flush");
    }
  }
  co_return Unit{};
}

// Tasks that share blocks, but no byte.
Task<Unit> WorkSideBySide(Scene& scene, int tasks, int requests) {
  TaskScope scope;
  const std::uint64_t part = scene.model.size() / static_cast<std::uint64_t>(tasks);
  for (int i = 0; i < tasks; ++i) {
    const std::uint64_t begin = part * static_cast<std::uint64_t>(i);
    scope.Spawn(WorkAlone(scene, {begin, begin + part}, requests));
  }
  co_await scope.Join();
  co_await Verify(scene, {0, scene.model.size()});
  co_return Unit{};
}

Task<Unit> PerformAndExpect(Scene& scene, Request request) {
  const Result<> r = co_await Perform(scene, request);
  scene.Expect(r, "a request");
  co_return Unit{};
}

// Whether `value` may be read at `offset` while, or (settled) after, these requests ran at once.
bool IsPossible(const Scene& scene, const std::vector<Request>& requests, std::uint64_t offset,
                std::byte value, bool settled) {
  bool old_possible = true;
  for (const Request& request : requests) {
    if (offset < request.range.begin || offset >= request.range.end) {
      continue;
    }
    if (value == request.tag) {
      return true;
    }
    old_possible = old_possible && (!settled || request.change == Change::kDiscard);
  }
  const std::byte old = offset < scene.model.size() ? scene.model[offset] : std::byte{0};
  return old_possible && value == old;
}

Task<Unit> ReadMeanwhile(Scene& scene, Range range, const std::vector<Request>& requests) {
  ++scene.operations;
  const Scattered data(scene.device, range.length());
  const Result<> r = co_await scene.device.ref.Read(range.begin, data.vec());
  scene.Expect(r, "a read");
  for (std::uint64_t i = 0; r.ok() && i < range.length(); ++i) {
    if (!scene.verdict.Expect(IsPossible(scene, requests, range.begin + i, data[i], false),
                              At("an impossible byte", range.begin + i))) {
      break;
    }
  }
  co_return Unit{};
}

Task<Unit> GrowAndPerform(Scene& scene, Request request) {
  ++scene.operations;
  const Result<> grown = co_await scene.device.ref.Truncate(request.range.end, Prealloc::kOff);
  scene.Expect(grown, "a growth");
  co_await PerformAndExpect(scene, request);
  co_return Unit{};
}

Task<Unit> Resize(Scene& scene) {
  ++scene.operations;
  const std::uint64_t size = scene.device.random.Between(1, kMaxSize);
  const Result<> r = co_await scene.device.ref.Truncate(size, Prealloc::kOff);
  scene.Expect(r, "a resize");
  scene.model.resize(size);
  co_return Unit{};
}

// Where the node says that there are zeroes, there are.
Task<Unit> CheckStatus(Scene& scene) {
  for (std::uint64_t at = 0; at < scene.model.size() && scene.verdict.ok();) {
    ++scene.operations;
    const Result<BlockStatus> status = co_await scene.device.ref.Status(at, scene.model.size());
    if (!scene.verdict.Expect(status.ok() && status->length > 0, "a status failed")) {
      break;
    }
    for (std::uint64_t i = at; status->zero && i < at + status->length; ++i) {
      scene.verdict.Expect(scene.model[i] == std::byte{0}, At("not zero", i));
    }
    at += status->length;
  }
  co_return Unit{};
}

// Requests that overlap: of several at once on one byte any may be the last.
Task<Unit> WorkOverEachOther(Scene& scene) {
  std::vector<Request> requests;
  const Range whole{0, scene.model.size()};
  const std::uint64_t count = scene.device.random.Between(2, 7);
  for (std::uint64_t i = 0; i < count; ++i) {
    requests.push_back(RandomRequest(scene, whole));
  }
  const bool grows = whole.end < kMaxSize && scene.device.random.OneIn(3);
  if (grows) {
    Request request = RandomRequest(scene, {whole.end, kMaxSize});
    request.change = Change::kWrite;
    requests.push_back(request);
  }
  TaskScope scope;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const bool last = i + 1 == requests.size();
    scope.Spawn(grows && last ? GrowAndPerform(scene, requests[i])
                              : PerformAndExpect(scene, requests[i]));
    if (scene.device.random.OneIn(2)) {
      scope.Spawn(ReadMeanwhile(scene, scene.RandomRange(whole), requests));
    }
  }
  co_await scope.Join();
  const std::uint64_t size = scene.device.ref.size();
  const Scattered data(scene.device, size);
  const Result<> r = co_await scene.device.ref.Read(0, data.vec());
  scene.Expect(r, "a read");
  for (std::uint64_t i = 0; scene.verdict.ok() && i < size; ++i) {
    scene.verdict.Expect(IsPossible(scene, requests, i, data[i], true), At("a wrong byte", i));
  }
  scene.model.assign(data.data(), data.data() + size);
  co_return Unit{};
}

Task<Unit> WorkInRounds(Scene& scene) {
  for (int i = 0; i < 12 && scene.verdict.ok(); ++i) {
    co_await WorkOverEachOther(scene);
    if (scene.device.random.OneIn(3)) {
      co_await Resize(scene);
    }
    co_await CheckStatus(scene);
  }
  co_return Unit{};
}

std::uint64_t RunSideBySide(std::uint64_t seed, Verdict& verdict) {
  Scene scene(seed, kMaxSize - seed % 700, kAlignments[seed % kAlignments.size()], verdict);
  scene.device.Run(WorkSideBySide(scene, 5, 20));
  verdict.Expect(scene.device.Detach().ok(), "the last flush failed");
  return scene.operations;
}

std::uint64_t RunOverEachOther(std::uint64_t seed, Verdict& verdict) {
  Scene scene(seed, 1 + seed * 977 % kMaxSize, kAlignments[seed % kAlignments.size()], verdict);
  scene.device.Run(WorkInRounds(scene));
  verdict.Expect(scene.device.Detach().ok(), "the last flush failed");
  return scene.operations;
}

}  // namespace

TEST(TasksSideBySideNeverHarmEachOther) { RunSeeds("side by side", 100, &RunSideBySide); }

TEST(OverlappingRequestsLeaveNothingElse) { RunSeeds("overlapping", 80, &RunOverEachOther); }

// Else the seed that a failure prints would be of no use.
TEST(TheSameSeedIsTheSameRun) {
  std::array<std::uint64_t, 2> traces{};
  for (std::uint64_t& trace : traces) {
    Verdict verdict;
    Scene scene(7, 20000, 512, verdict);
    scene.device.Run(WorkSideBySide(scene, 3, 10));
    trace = scene.device.disk.trace();
  }
  CHECK_EQ(traces[0], traces[1]);
}

}  // namespace fusebay::test
