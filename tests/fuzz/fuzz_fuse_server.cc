// Fuzzes the FUSE server and the file system of an exported disk: whatever a kernel sends, every
// request gets the one reply it is due, and nothing crashes, hangs or is left behind.
//
// An input is two bytes that choose the session, then requests of { opcode, flags, body length of
// 16 bits, body }. One loop, one thread, and a fresh session and disk for each input.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "base/assert.h"
#include "core/log.h"
#include "core/run_on.h"
#include "core/scope.h"
#include "export/single_file_fs.h"
#include "fuse/loopback_client.h"
#include "fuse/transport/channel_set.h"

using namespace fusebay;
using namespace fusebay::fuse;

namespace {

constexpr std::uint32_t kMaxPayload = 128u << 10;
constexpr std::uint32_t kSlots = 4;
constexpr std::uint64_t kDiskBytes = 100'000;
// A request copies up to 64 MiB otherwise, and the disk is in memory.
constexpr std::uint64_t kMostCopied = 64u << 10;
constexpr std::uint32_t kMinors[] = {45, 38, 31, 23, 12, 9, 8, 5};
// How often the loop may say that nothing ran before it is believed: a poll takes two turns.
constexpr int kIdleTurns = 3;

// The first byte of an input.
enum SessionFlag : std::uint8_t {
  kNoInit = 1,
  kReadOnly = 2,
  kFixedSize = 4,
  kAllowOther = 8,
  kWritethrough = 16,
  kWriteback = 32,
};

// The second byte of a request.
enum RequestFlag : std::uint8_t {
  kRawHeader = 1,  // the body begins with a header of its own
  kLongerThanSaid = 2,
  kShorterThanSaid = 4,
  kOtherNode = 8,
  kSameUnique = 16,  // as the request before
  kAtOnce = 32,      // with the next, without a turn of the loop between them
  kInterrupted = 64,
};

class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : rest_(std::as_bytes(std::span(data, size))) {}
  bool empty() const { return rest_.empty(); }
  std::uint8_t Byte() {
    const ByteSpan byte = Take(1);
    return byte.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(byte[0]);
  }
  ByteSpan Take(std::size_t most) {
    const ByteSpan taken = rest_.first(std::min(most, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

 private:
  ByteSpan rest_;
};

class NoNotifier final : public FuseNotifier {
 public:
  void InvalidateInode(NodeId, std::int64_t, std::int64_t) override {}
  void InvalidateEntry(NodeId, std::string_view) override {}
  void Resend() override {}
  Result<> WaitUntilTaken(std::chrono::milliseconds) override { return Ok(); }
};

// A loopback session without the thread of a real notifier.
class Transport final : public FuseTransport {
 public:
  explicit Transport(LoopbackKernel& kernel) : kernel_(kernel) {}
  Task<Result<Unit, Error>> Start(std::span<AioContext* const> loops) override {
    std::vector<std::unique_ptr<FuseDevice>> devices;
    devices.push_back(kernel_.OpenDevice());
    FB_ASSERT(kernel_.Mount(*devices[0]).ok());
    return channels_.Open(loops, std::move(devices), kSlots, kMaxPayload);
  }
  std::span<const std::unique_ptr<FuseChannel>> channels() override { return channels_.channels(); }
  FuseNotifier& notifier() override { return notifier_; }
  std::uint32_t max_payload() const override { return kMaxPayload; }
  void OnInit(const Negotiated& negotiated) override { channels_.OnInit(negotiated); }
  Task<Unit> Stop() override {
    kernel_.Unmount();
    return channels_.Close();
  }

 private:
  LoopbackKernel& kernel_;
  ChannelSet channels_;
  NoNotifier notifier_;
};

struct World {
  World() {
    SetLogLevel(LogLevel::kError);  // a strange request is warned of
    auto made = AioContext::Create({.name = "fuzz",
                                    .engine = EngineKind::kThreads,
                                    .poll_max = Nanoseconds{0},
                                    .warn_of_stalls = false},
                                   workers);
    FB_ASSERT(made.ok());
    loop = std::move(*made);
  }
  WorkerPool workers{1};
  std::unique_ptr<AioContext> loop;
};

SingleFileOptions FileOptionsOf(std::uint8_t flags) {
  SingleFileOptions options;
  options.writable = (flags & kReadOnly) == 0;
  options.growable = options.writable && (flags & kFixedSize) == 0;
  options.allow_other = (flags & kAllowOther) != 0;
  options.writethrough = (flags & kWritethrough) != 0;
  options.cache = (flags & kWriteback) != 0 ? ExportCache::kWriteback : ExportCache::kAuto;
  return options;
}

bool IsAnswered(std::uint32_t opcode) {
  switch (static_cast<abi::Opcode>(opcode)) {
    case abi::Opcode::kForget:
    case abi::Opcode::kBatchForget:
    case abi::Opcode::kInterrupt:
    case abi::Opcode::kNotifyReply:
      return false;
    default:
      return true;
  }
}

class Session {
 public:
  Session(AioContext& loop, std::uint8_t flags, std::uint32_t minor)
      : loop_(loop), kernel_({.minor = minor}), transport_(kernel_), client_(kernel_) {
    const bool started = loop_.RunUntilDone(Start(FileOptionsOf(flags)));
    FB_ASSERT(started);
    if ((flags & kNoInit) == 0) {
      FB_ASSERT(loop_.RunUntilDone(client_.Init()).ok());
      ++due_;
    }
  }
  ~Session() {
    Settle();
    const LoopbackCounts counts = kernel_.counts();
    FB_ASSERT(counts.refused_replies == 0);
    FB_ASSERT(counts.dropped == 0);
    FB_ASSERT(counts.replies == due_);  // so no slot is still busy
    loop_.RunUntilDone(Stop());
    FB_ASSERT(loop_.buffers().outstanding() == 0);
  }

  void SendOne(Bytes& input) {
    const std::uint8_t opcode = input.Byte();
    const std::uint8_t flags = input.Byte();
    const std::size_t low = input.Byte();
    const ByteSpan body = input.Take(low | std::size_t{input.Byte()} << 8);
    const bool raw = (flags & kRawHeader) != 0 && body.size() >= sizeof(abi::InHeader);
    abi::InHeader header{};
    if (raw) {
      std::memcpy(&header, body.data(), sizeof header);
    } else {
      header.opcode = opcode;
      header.nodeid = (flags & kOtherNode) != 0 ? 2 : 1;
      header.length = static_cast<std::uint32_t>(sizeof header + body.size());
      header.length -= (flags & kLongerThanSaid) != 0 ? 1 : 0;
      header.length += (flags & kShorterThanSaid) != 0 ? 1 : 0;
    }
    next_unique_ += (flags & kSameUnique) != 0 ? 0 : 2;
    header.unique = next_unique_;
    request_.assign(sizeof header, std::byte{0});
    std::memcpy(request_.data(), &header, sizeof header);
    const ByteSpan rest = raw ? body.subspan(sizeof header) : body;
    request_.insert(request_.end(), rest.begin(), rest.end());
    LimitCopy(header.opcode);
    due_ += IsAnswered(header.opcode) ? 1 : 0;
    kernel_.Inject(request_);
    if ((flags & kInterrupted) != 0) {
      kernel_.Interrupt(header.unique);
    }
    if ((flags & kAtOnce) == 0) {
      Settle();
    }
  }

 private:
  Task<bool> Start(SingleFileOptions options) {
    BlockdevOptions disk{.driver = "memory", .node_name = "disk"};
    disk.driver_options = MemoryOptions{.size = kDiskBytes};
    const Result<BlockNode*, Error> opened = co_await graph_.Open(disk);
    FB_ASSERT(opened.ok());
    auto used =
        graph_.Use("disk", {.used = kPermConsistentRead | kPermWrite | kPermResize}, "fuzz");
    FB_ASSERT(used.ok());
    ref_ = std::move(*used);
    AioContext* const loops[] = {&loop_};
    ref_.UseOn(loops);
    fs_.emplace(graph_, ref_, options);
    ref_.SetObserver(&*fs_);
    const Result<Unit, Error> started = co_await transport_.Start(loops);
    server_.emplace(*fs_, transport_, fs_->server_options());
    serving_.Spawn(server_->ServeChannel(*transport_.channels()[0]));
    co_return started.ok();
  }
  Task<Unit> Stop() {
    co_await transport_.Stop();
    co_await serving_.Join();
    ref_ = BlockRef();
    const Result<Unit, Error> closed = co_await graph_.CloseAll();
    FB_ASSERT(closed.ok());
    co_return Unit{};
  }
  void Settle() {
    for (int idle = 0; idle < kIdleTurns; ++idle) {
      if (loop_.RunOnce(false)) {
        idle = 0;
      }
    }
  }
  void LimitCopy(std::uint32_t opcode) {
    constexpr std::size_t kAt = sizeof(abi::InHeader) + offsetof(abi::CopyFileRangeIn, length);
    const bool is_copy = opcode == static_cast<std::uint32_t>(abi::Opcode::kCopyFileRange) ||
                         opcode == static_cast<std::uint32_t>(abi::Opcode::kCopyFileRange64);
    std::uint64_t length = 0;
    if (is_copy && request_.size() >= kAt + sizeof length) {
      std::memcpy(&length, request_.data() + kAt, sizeof length);
      length = std::min(length, kMostCopied);
      std::memcpy(request_.data() + kAt, &length, sizeof length);
    }
  }

  AioContext& loop_;
  BlockGraph graph_;
  BlockRef ref_;
  std::optional<SingleFileFs> fs_;
  LoopbackKernel kernel_;
  Transport transport_;
  LoopbackClient client_;
  std::optional<FuseServer> server_;
  TaskScope serving_;
  std::vector<std::byte> request_;
  std::uint64_t next_unique_ = 1000;
  std::uint64_t due_ = 0;  // replies
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  Bytes input(data, size);
  const std::uint8_t flags = input.Byte();
  const std::uint32_t minor = kMinors[input.Byte() % std::size(kMinors)];
  Session session(*world.loop, flags, minor);
  while (!input.empty()) {
    session.SendOne(input);
  }
  return 0;
}
