// LoopbackKernel: the kernel's end of a FUSE session inside this process, for tests, fuzzers and
// benches without root and without a mount.
//
// It answers reads and writes of its devices as Linux does: what a read must provide, in which
// order requests come, which replies are refused and with which errno. Its clients are coroutines
// (fuse/loopback_client.h). Any thread may use it; a device belongs to whoever opened it.
#pragma once
#include <array>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "core/aio_context.h"
#include "fuse/abi.h"
#include "fuse/transport.h"

namespace fusebay::fuse {

class FuseDevice;  // fuse/transport/fuse_device.h

// What kind of kernel to be.
struct LoopbackOptions {
  std::uint32_t major = abi::kMajor;
  std::uint32_t minor = abi::kMinor;
  std::uint64_t flags = ~(abi::kInitReserved | abi::kInitOverIoUring);  // offered by INIT
  std::uint32_t max_readahead = 128u << 10;
  std::uint16_t max_pages_limit = 256;
  // Without it the server's max_background is capped at max_user_background.
  bool privileged = true;
  std::uint16_t max_user_background = 1024;
};

// What goes wrong, by chance: each in 1/1000 of the cases, from a generator with this seed.
struct LoopbackFaults {
  std::uint64_t seed = 1;
  std::uint64_t abort_at_request = 0;  // the session ends when this many were read; 0: never
  std::uint32_t interrupts = 0;        // a request that was just read is interrupted
  std::uint32_t short_buffers = 0;     // the buffer counts as too small for the request
  std::uint32_t read_eintr = 0;
  std::uint32_t read_enoent = 0;
  std::uint32_t reply_failures = 0;  // a reply is not taken: ENOMEM
};

// What INIT settled, as the kernel keeps it.
struct LoopbackSettled {
  bool initialized = false;
  bool refused = false;  // INIT was answered with an error or by a strange version
  std::uint32_t minor = 0;
  std::uint64_t flags = 0;
  std::uint32_t max_write = 0;
  std::uint32_t max_readahead = 0;
  std::uint16_t max_background = 12;
  std::uint16_t congestion_threshold = 9;
  std::uint16_t max_pages = 32;
};

struct LoopbackNotification {
  abi::NotifyCode code{};
  std::vector<std::byte> args;
};

struct LoopbackCounts {
  std::uint64_t requests_read = 0;
  std::uint64_t replies = 0;          // taken
  std::uint64_t refused_replies = 0;  // EINVAL: a bug of the server
  std::uint64_t dropped = 0;          // requests too large for the reader's buffer
  std::uint64_t interrupts_read = 0;
  std::uint64_t forgets_read = 0;  // requests, not nodes
};

// One request and room for its reply. Lives where its caller waits; nothing of it is copied before
// the server reads it.
struct LoopbackCall {
  std::uint32_t opcode = 0;
  std::uint64_t nodeid = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t pid = 0;
  std::array<ByteSpan, 3> in{};  // arguments, names, data
  MutableByteSpan out{};         // the reply without its header; a longer one is refused
  bool variable_reply = true;    // a shorter reply is good, too
  bool background = false;       // readahead and the like: limited by max_background
  bool no_reply = false;         // done as soon as it was read

  std::uint64_t unique = 0;  // set when it is sent
  // Set when it is done.
  std::int32_t error = 0;    // 0 or -errno
  std::size_t out_size = 0;  // of `out`

  // The kernel's own while it has the call.
  LoopbackCall* next = nullptr;
  AioContext* loop = nullptr;
  Runnable waiter;
  struct InterruptLink {
    InterruptLink* next = nullptr;
    LoopbackCall* call = nullptr;
  } interrupt;
  bool sent = false;         // read and not answered
  bool interrupted = false;  // its caller got a signal
  bool interrupt_queued = false;
  bool raw = false;  // made by Inject
};

class LoopbackConnection;

class LoopbackKernel {
 public:
  static constexpr std::size_t kMaxForgets = 65536;  // that wait; more are dropped

  explicit LoopbackKernel(LoopbackOptions options = {}, LoopbackFaults faults = {});
  LoopbackKernel(const LoopbackKernel&) = delete;
  LoopbackKernel& operator=(const LoopbackKernel&) = delete;
  ~LoopbackKernel();  // unmounts

  // Like open("/dev/fuse"): EPERM until it is mounted or made a clone.
  std::unique_ptr<FuseDevice> OpenDevice();
  // Begins a session. EINVAL when the device has one. REQUIRES: not mounted.
  Result<> Mount(FuseDevice& device);
  // FUSE_DEV_IOC_CLONE. EINVAL when `fresh` has a session, or `of` has none.
  Result<> Clone(FuseDevice& fresh, const FuseDevice& of);
  // The session is over: whoever waits gets ECONNABORTED, later callers ENOTCONN, and its devices
  // ENODEV. Also happens when the last device is closed.
  void Unmount();
  // Like /sys/fs/fuse/connections/N/abort: the same, but stays mounted.
  void Abort();

  class SendAwaiter {
   public:
    SendAwaiter(LoopbackKernel& kernel, LoopbackCall& call) : kernel_(kernel), call_(call) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> handle) { return kernel_.Queue(call_, handle); }
    void await_resume() const noexcept {}

   private:
    LoopbackKernel& kernel_;
    LoopbackCall& call_;
  };
  // `co_await kernel.Send(call)`: sends it and waits for the reply, on the caller's loop.
  SendAwaiter Send(LoopbackCall& call) { return {*this, call}; }

  void Forget(std::uint64_t nodeid, std::uint64_t lookups);
  // The caller of this request got a signal. A fatal one also takes back what nobody has read.
  void Interrupt(std::uint64_t unique, bool fatal = false);
  // Queues these bytes as one request as they are; its reply, if any, is only counted.
  void Inject(ByteSpan request);

  // What InvalidateInode and the like return; by default 0. Called on the writer's thread.
  void OnNotify(std::function<std::int32_t(const LoopbackNotification&)> fn);
  std::vector<LoopbackNotification> notifications() const;  // every good one so far
  LoopbackSettled settled() const;
  LoopbackCounts counts() const;
  std::uint64_t last_unique() const;  // of the request queued last
  bool connected() const;
  bool interrupts_disabled() const;  // the server answered one with ENOSYS
  const LoopbackOptions& options() const { return options_; }

 private:
  bool Queue(LoopbackCall& call, std::coroutine_handle<> handle);
  std::shared_ptr<LoopbackConnection> connection() const;

  const LoopbackOptions options_;
  LoopbackFaults faults_;
  mutable std::mutex mutex_;
  // Owned by the kernel while mounted and by the devices of the session.
  std::shared_ptr<LoopbackConnection> connection_;
  std::function<std::int32_t(const LoopbackNotification&)> on_notify_;
};

}  // namespace fusebay::fuse
