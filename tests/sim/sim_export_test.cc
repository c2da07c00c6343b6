// An exported file behind a kernel that interrupts, drops, refuses and aborts, and clients that
// know what they have written: no wrong byte, no hang, and nothing left at the end.
#include <fcntl.h>
#include <linux/falloc.h>

#include <array>
#include <set>

#include "core/log.h"
#include "loopback_fixture.h"
#include "sim_run.h"

namespace fusebay::test {

namespace {

namespace abi = fuse::abi;

constexpr std::uint64_t kRoot = LoopbackExport::kRoot;
constexpr std::uint64_t kBlock = 4096;
constexpr std::uint64_t kBlocksPerClient = 8;
constexpr std::uint64_t kClients = 5;
constexpr std::uint64_t kSize = kBlock * kBlocksPerClient * kClients;
constexpr int kSteps = 30;
constexpr std::uint64_t kMaxRun = 3;  // blocks of one request

// A disk in memory whose operations take their time, end in any order, and move their data in two
// halves.
class ShakyNode final : public BlockNode {
 public:
  ShakyNode(std::uint64_t seed, std::uint64_t size)
      : BlockNode("disk", "shaky", false), random_(seed), bytes_(size) {
    set_size(size);
  }

 private:
  Task<Result<>> DoRead(std::uint64_t offset, IoVec dst) override {
    co_await Dawdle();
    const std::size_t half = dst.size / 2;
    dst.First(half).CopyFrom(bytes_.data() + offset);
    co_await Dawdle();
    dst.From(half).CopyFrom(bytes_.data() + offset + half);
    co_return Ok();
  }
  Task<Result<>> DoWrite(std::uint64_t offset, IoVec src, WriteFlags) override {
    co_await Dawdle();
    const std::size_t half = src.size / 2;
    src.First(half).CopyTo(bytes_.data() + offset);
    co_await Dawdle();
    src.From(half).CopyTo(bytes_.data() + offset + half);
    co_return Ok();
  }
  Task<Result<>> DoWriteZeroes(std::uint64_t offset, std::uint64_t length, ZeroFlags) override {
    co_await Dawdle();
    std::fill_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), length, std::byte{0});
    co_return Ok();
  }
  Task<Result<>> DoFlush(FlushMode) override {
    co_await Dawdle();
    co_return Ok();
  }
  Task<Result<>> DoTruncate(std::uint64_t size, Prealloc) override {
    co_await Dawdle();
    bytes_.resize(size);
    set_size(size);
    co_return Ok();
  }
  Task<Unit> Dawdle() {
    const std::uint64_t turns = random_.Below(4);
    for (std::uint64_t i = 0; i < turns; ++i) {
      co_await AioContext::Current().Yield();
    }
    co_return Unit{};
  }

  SeededRandom random_;
  std::vector<std::byte> bytes_;
};

struct Scene {
  Scene(std::uint64_t seed, const fuse::LoopbackFaults& faults, Verdict& its_verdict)
      : random(seed), verdict(its_verdict), stage(0) {
    CHECK_OK(stage.graph.Add(std::make_unique<ShakyNode>(seed, kSize)));
    file.emplace(stage, "disk",
                 LoopbackExportOptions{.file = {.writable = true, .growable = true},
                                       .faults = faults,
                                       .slots = static_cast<std::uint32_t>(random.Between(2, 12)),
                                       .init_may_fail = true});
  }

  // Whether the client may go on after this error.
  bool Survives(Errno error) {
    ended = ended || error == Errno{ECONNABORTED} || error == Errno{ENOTCONN} ||
            error == Errno{ECONNREFUSED};
    verdict.Expect(ended || error == Errno{EIO}, "errno " + std::to_string(error.value()));
    return !ended;
  }

  SeededRandom random;
  Verdict& verdict;
  Stage stage;
  std::optional<LoopbackExport> file;
  bool ended = false;  // a client has been told so
  bool quiet = false;  // the clients are done
  std::uint64_t requests = 0;
  std::uint64_t next_version = 1;
};

// One client, whose part of the file nobody else writes. An error leaves open whether a request has
// been carried out: the block then holds one of several versions, 0 being zeroes.
struct Client {
  Scene& scene;
  std::uint64_t first;  // block
  std::array<std::set<std::uint64_t>, kBlocksPerClient> versions{};
  std::vector<std::byte> memory = std::vector<std::byte>(kMaxRun * kBlock);

  std::span<std::byte> Bytes(std::uint64_t blocks) {
    return std::span(memory).first(blocks * kBlock);
  }
  void Fill(std::uint64_t blocks, std::uint64_t version) {
    for (std::uint64_t i = 0; i < blocks * kBlock; i += sizeof version) {
      std::memcpy(memory.data() + i, &version, sizeof version);
    }
  }
  void Now(std::uint64_t block, std::uint64_t count, std::uint64_t version, bool certain) {
    for (std::uint64_t i = block; i < block + count; ++i) {
      if (certain) {
        versions.at(i).clear();
      }
      versions.at(i).insert(version);
    }
  }
  // What was read of one block is one possible version, all of it.
  void Check(std::uint64_t block, std::span<const std::byte> bytes) {
    std::uint64_t version = 0;
    std::memcpy(&version, bytes.data(), sizeof version);
    bool whole = bytes.size() == kBlock;
    for (std::uint64_t i = 0; whole && i < kBlock; i += sizeof version) {
      whole = std::memcmp(bytes.data() + i, &version, sizeof version) == 0;
    }
    scene.verdict.Expect(whole, "a torn block");
    scene.verdict.Expect(versions.at(block).contains(version), "a block of the wrong version");
    versions.at(block) = {version};
  }
};

// Each step returns whether the session goes on.
Task<bool> WriteSome(Client& client, std::uint64_t block, std::uint64_t count) {
  const std::uint64_t version = client.scene.next_version++;
  client.Fill(count, version);
  const Result<std::uint32_t> n = co_await client.scene.file->client.Write(
      kRoot, 0, (client.first + block) * kBlock, client.Bytes(count));
  client.Now(block, count, version, n.ok());
  if (!n.ok()) {
    co_return client.scene.Survives(n.error());
  }
  client.scene.verdict.Expect(*n == count * kBlock, "a short write");
  co_return true;
}

Task<bool> ReadSome(Client& client, std::uint64_t block, std::uint64_t count) {
  const std::span<std::byte> bytes = client.Bytes(count);
  const Result<std::size_t> n =
      co_await client.scene.file->client.Read(kRoot, 0, (client.first + block) * kBlock, bytes);
  if (!n.ok()) {
    co_return client.scene.Survives(n.error());
  }
  client.scene.verdict.Expect(*n == bytes.size(), "a short read");
  for (std::uint64_t i = 0; *n == bytes.size() && i < count; ++i) {
    client.Check(block + i, bytes.subspan(i * kBlock, kBlock));
  }
  co_return true;
}

Task<bool> PunchSome(Client& client, std::uint64_t block, std::uint64_t count) {
  const std::uint32_t mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  const Result<> punched = co_await client.scene.file->client.Fallocate(
      kRoot, 0, mode, (client.first + block) * kBlock, count * kBlock);
  client.Now(block, count, 0, punched.ok());
  co_return punched.ok() || client.scene.Survives(punched.error());
}

// The first client resizes, too, but never below what the clients own.
Task<bool> ResizeFile(Client& client) {
  const abi::SetAttrIn args{.valid = abi::kSetSize | abi::kSetHandle,
                            .size = kSize + client.scene.random.Below(8 * kBlock)};
  const Result<abi::AttrOut> set = co_await client.scene.file->client.SetAttr(kRoot, args);
  co_return set.ok() || client.scene.Survives(set.error());
}

Task<bool> AskSomething(Client& client) {
  Scene& scene = client.scene;
  fuse::LoopbackClient& kernel = scene.file->client;
  const std::uint64_t kind = scene.random.Below(5);
  Result<> r = Ok();
  if (kind == 0) {
    const Result<abi::AttrOut> attr = co_await kernel.GetAttr(kRoot);
    r = attr.ok() ? Ok() : Result<>(attr.error());
    scene.verdict.Expect(!attr.ok() || attr->attr.size >= kSize, "a wrong size");
  } else if (kind == 1) {
    r = co_await kernel.Fsync(kRoot, 0, true);
  } else if (kind == 2) {
    r = co_await kernel.Flush(kRoot, 0);
  } else if (kind == 3) {
    const Result<std::uint64_t> data = co_await kernel.Lseek(kRoot, 0, 0, SEEK_DATA);
    r = data.ok() || data.error() == Errno{ENXIO} ? Ok() : Result<>(data.error());
  } else {
    kernel.Forget(scene.random.Below(3), 1);
    kernel.Interrupt(scene.file->kernel.last_unique());
  }
  co_return r.ok() || scene.Survives(r.error());
}

Task<Unit> Work(Scene& scene, std::uint64_t number) {
  Client client{.scene = scene, .first = number * kBlocksPerClient};
  for (std::set<std::uint64_t>& versions : client.versions) {
    versions = {0};
  }
  bool goes_on = true;
  for (int i = 0; i < kSteps && goes_on && scene.verdict.ok(); ++i) {
    ++scene.requests;
    const std::uint64_t count = scene.random.Between(1, kMaxRun);
    const std::uint64_t block = scene.random.Below(kBlocksPerClient - count + 1);
    const std::uint64_t kind = scene.random.Below(20);
    if (kind < 8) {
      goes_on = co_await WriteSome(client, block, count);
    } else if (kind < 15) {
      goes_on = co_await ReadSome(client, block, count);
    } else if (kind < 17) {
      goes_on = co_await PunchSome(client, block, count);
    } else if (kind == 17 && number == 0) {
      goes_on = co_await ResizeFile(client);
    } else {
      goes_on = co_await AskSomething(client);
    }
  }
  co_return Unit{};
}

// What happens beside the clients: drains, and for some seeds the end.
Task<Unit> Disturb(Scene& scene, std::uint64_t end_after) {
  for (std::uint64_t turn = 0; !scene.quiet; ++turn) {
    if (turn == end_after) {
      scene.random.OneIn(2) ? scene.file->kernel.Abort() : scene.file->kernel.Unmount();
    }
    if (scene.random.OneIn(40)) {
      const BlockGraph::Drained drained = co_await scene.stage.graph.Drain();
      co_await AioContext::Current().Yield();
    }
    co_await AioContext::Current().Yield();
  }
  co_return Unit{};
}

Task<Unit> WorkTogether(Scene& scene, std::uint64_t end_after) {
  TaskScope disturbance;
  disturbance.Spawn(Disturb(scene, end_after));
  TaskScope clients;
  for (std::uint64_t i = 0; i < kClients; ++i) {
    clients.Spawn(Work(scene, i));
  }
  co_await clients.Join();
  scene.quiet = true;
  co_await disturbance.Join();
  co_return Unit{};
}

std::uint64_t RunSession(std::uint64_t seed, const fuse::LoopbackFaults& faults,
                         std::uint64_t end_after, Verdict& verdict) {
  SetLogLevel(LogLevel::kError);  // refused replies are warned of
  Scene scene(seed, faults, verdict);
  if (scene.file->initialized) {
    scene.stage.Run(WorkTogether(scene, end_after));
  }
  verdict.Expect(scene.file->kernel.counts().refused_replies == 0, "a reply was refused");
  scene.file.reset();  // asserts that every task has ended
  verdict.Expect(scene.stage.control->buffers().outstanding() == 0, "a buffer is left");
  return scene.requests;
}

std::uint64_t RunPeace(std::uint64_t seed, Verdict& verdict) {
  const std::uint64_t requests = RunSession(seed, {.seed = seed}, UINT64_MAX, verdict);
  verdict.Expect(requests == kClients * kSteps, "a session ended by itself");
  return requests;
}

std::uint64_t RunFaults(std::uint64_t seed, Verdict& verdict) {
  return RunSession(seed,
                    {.seed = seed,
                     .interrupts = 50,
                     .short_buffers = 20,
                     .read_eintr = 20,
                     .read_enoent = 20,
                     .reply_failures = 20},
                    UINT64_MAX, verdict);
}

std::uint64_t RunEnds(std::uint64_t seed, Verdict& verdict) {
  SeededRandom random(seed);
  const bool by_count = random.OneIn(2);
  return RunSession(seed,
                    {.seed = seed,
                     .abort_at_request = by_count ? random.Between(1, 150) : 0,
                     .interrupts = 50,
                     .read_eintr = 20},
                    by_count ? UINT64_MAX : random.Below(300), verdict);
}

}  // namespace

TEST(ClientsInPeaceGetWhatTheyWrote) { RunSeeds("export", 150, &RunPeace); }

TEST(FaultsCostErrorsButNoData) { RunSeeds("export with faults", 100, &RunFaults); }

TEST(ASessionMayEndAtAnyTime) { RunSeeds("export that ends", 20, &RunEnds); }

}  // namespace fusebay::test
