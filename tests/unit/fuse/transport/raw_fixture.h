// The server's end of a loopback session by hand: calls are begun, and a device is read and
// written byte by byte.
#pragma once
#include <poll.h>

#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "check.h"
#include "core/aio_context.h"
#include "core/scope.h"
#include "fuse/loopback.h"
#include "fuse/loopback_client.h"
#include "fuse/transport/fuse_device.h"

namespace fusebay::fuse::test {

// One read: what it returned and, if it was good, the request.
struct RawRequest {
  ssize_t result = 0;
  std::vector<std::byte> bytes;

  abi::InHeader header() const {
    abi::InHeader header{};
    std::memcpy(&header, bytes.data(), std::min(sizeof header, bytes.size()));
    return header;
  }
  abi::Opcode opcode() const { return static_cast<abi::Opcode>(header().opcode); }
  template <class T>
  T Args() const {
    T args{};
    FB_ASSERT(bytes.size() >= sizeof(abi::InHeader) + sizeof args);
    std::memcpy(&args, bytes.data() + sizeof(abi::InHeader), sizeof args);
    return args;
  }
};

// A call in progress.
struct Begun {
  LoopbackCall call;
  std::vector<std::byte> in;
  std::vector<std::byte> out;
  bool done = false;
};

class RawFixture {
 public:
  static constexpr std::size_t kBuffer = 80 + (1u << 20);

  explicit RawFixture(LoopbackOptions options = {}, LoopbackFaults faults = {})
      : kernel(options, faults), device(kernel.OpenDevice()) {
    AioContextOptions loop_options;
    loop_options.poll_max = Nanoseconds{0};
    auto made = AioContext::Create(loop_options, workers);
    FB_ASSERT(made.ok());
    loop = std::move(*made);
  }
  ~RawFixture() {
    kernel.Unmount();
    Turn();
  }

  RawFixture& Mount() {
    CHECK_OK(kernel.Mount(*device));
    return *this;
  }
  // Mounts and answers INIT.
  RawFixture& MountAndInit(abi::InitOut reply = GoodInit()) {
    Mount();
    Begun& init = BeginInit();
    const RawRequest request = Read();
    CHECK_EQ(Reply(request, 0, BytesOf(reply)), 16 + 64);
    Turn();
    CHECK(init.done);
    return *this;
  }
  static abi::InitOut GoodInit() {
    abi::InitOut out{};
    out.major = 7;
    out.minor = 45;
    out.max_write = 1u << 20;
    out.flags = abi::kInitMaxPages | abi::kInitBigWrites;
    out.max_pages = 256;
    return out;
  }
  Begun& BeginInit(std::uint32_t major = 7) {
    abi::InitIn in{};
    in.major = major;
    in.minor = 45;
    return Begin(abi::Opcode::kInit, BytesOf(in), 64);
  }
  Begun& Begin(abi::Opcode opcode, ByteSpan in = {}, std::size_t out_size = 4096,
               bool background = false, bool no_reply = false) {
    Begun& begun = calls.emplace_back();
    begun.in.assign(in.begin(), in.end());
    begun.out.resize(out_size);
    begun.call.opcode = static_cast<std::uint32_t>(opcode);
    begun.call.nodeid = 1;
    begun.call.in[0] = begun.in;
    begun.call.out = begun.out;
    begun.call.background = background;
    begun.call.no_reply = no_reply;
    loop->Post([this, &begun] { scope.Spawn(Wait(kernel, begun)); });
    Turn();
    return begun;
  }
  RawRequest Read(std::size_t buffer = kBuffer) { return ReadFrom(*device, buffer); }
  RawRequest ReadFrom(FuseDevice& from, std::size_t buffer = kBuffer) {
    RawRequest request;
    request.bytes.resize(buffer);
    request.result = from.Read(request.bytes.data(), buffer);
    request.bytes.resize(request.result < 0 ? 0 : static_cast<std::size_t>(request.result));
    return request;
  }
  ssize_t Reply(const RawRequest& request, std::int32_t error, ByteSpan body = {}) {
    return Write(request.header().unique, error, body);
  }
  ssize_t Write(std::uint64_t unique, std::int32_t error, ByteSpan body = {},
                std::optional<std::uint32_t> length = std::nullopt) {
    abi::OutHeader header{};
    header.length = length.value_or(static_cast<std::uint32_t>(sizeof header + body.size()));
    header.error = error;
    header.unique = unique;
    const iovec pieces[2] = {{&header, sizeof header},
                             {const_cast<std::byte*>(body.data()), body.size()}};
    const ssize_t n = device->Write(pieces);
    Turn();
    return n;
  }
  bool Readable() const {
    pollfd ready{device->poll_fd(), POLLIN, 0};
    return ::poll(&ready, 1, 0) == 1;
  }
  void Turn() {
    while (loop->RunOnce(false) || loop->has_ready()) {
    }
  }

  WorkerPool workers;
  std::unique_ptr<AioContext> loop;
  LoopbackKernel kernel;
  std::unique_ptr<FuseDevice> device;
  TaskScope scope;
  std::deque<Begun> calls;

 private:
  static Task<Unit> Wait(LoopbackKernel& kernel, Begun& begun) {
    co_await kernel.Send(begun.call);
    begun.done = true;
    co_return Unit{};
  }
};

}  // namespace fusebay::fuse::test
