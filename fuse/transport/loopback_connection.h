// LoopbackConnection: one session of a LoopbackKernel, from mount to abort: its queues, the rules
// by which they are read and answered, and what INIT settled.
#pragma once
#include <sys/types.h>

#include <deque>
#include <functional>
#include <mutex>
#include <vector>

#include "base/fd.h"
#include "base/list.h"
#include "fuse/loopback.h"

namespace fusebay::fuse {

class LoopbackDevice;

class LoopbackConnection {
 public:
  using NotifyFunction = std::function<std::int32_t(const LoopbackNotification&)>;
  static constexpr std::size_t kMaxNotifications = 4096;  // that are kept; then the oldest goes

  LoopbackConnection(const LoopbackOptions& options, const LoopbackFaults& faults);
  LoopbackConnection(const LoopbackConnection&) = delete;
  LoopbackConnection& operator=(const LoopbackConnection&) = delete;
  ~LoopbackConnection();  // REQUIRES: no device is left.

  // The client's side. Queue returns false when the call is done already.
  bool Queue(LoopbackCall& call, std::coroutine_handle<> handle);
  void Forget(std::uint64_t nodeid, std::uint64_t lookups);
  void Interrupt(std::uint64_t unique, bool fatal);
  void Inject(ByteSpan request);
  void Abort(bool by_user);
  void OnNotify(NotifyFunction fn);

  // The server's side.
  void Add(LoopbackDevice& device);
  void Remove(LoopbackDevice& device);
  ssize_t Read(LoopbackDevice& device, std::byte* dst, std::size_t size);
  ssize_t Write(LoopbackDevice& device, std::span<const iovec> message);
  int ready_fd() const { return ready_.get(); }

  std::vector<LoopbackNotification> notifications() const;
  LoopbackSettled settled() const;
  LoopbackCounts counts() const;
  std::uint64_t last_unique() const;
  bool connected() const;
  bool interrupts_disabled() const;

 private:
  struct RawCall;
  struct Forgotten {
    std::uint64_t nodeid;
    std::uint64_t lookups;
  };

  // All of these REQUIRE that mutex_ is held.
  bool Chance(std::uint32_t per_mille);
  void Signal();
  void Unsignal();
  void Admit(LoopbackCall& call);
  void FlushBackground();
  void QueueInterrupt(LoopbackCall& call);
  LoopbackCall* FindCall(std::uint64_t unique);
  void End(LoopbackCall& call, std::int32_t error);
  void Finish(LoopbackCall& call, std::int32_t error);
  void EndBackground();
  void EndAll(Fifo<LoopbackCall>& calls, std::int32_t error);
  void AbortLocked(bool by_user);
  void Settle(const LoopbackCall& init);
  void SettleLimits(const abi::InitOut& reply);
  void LetIn();

  // In loopback_read.cc.
  ssize_t ReadInterrupt(std::byte* dst);
  ssize_t ReadForgets(std::byte* dst, std::size_t size);
  ssize_t ReadCall(LoopbackDevice& device, LoopbackCall& call, std::byte* dst);
  // In loopback_write.cc.
  ssize_t WriteReply(LoopbackDevice& device, const abi::OutHeader& header,
                     std::span<const iovec> message);
  ssize_t AnswerInterrupt(LoopbackCall& call, const abi::OutHeader& header);
  ssize_t Notify(const abi::OutHeader& header, std::span<const iovec> message);
  void ResendAll();

  const LoopbackOptions options_;
  const LoopbackFaults faults_;
  UniqueFd ready_;  // an eventfd; readable while signaled_

  mutable std::mutex mutex_;  // guards all that follows
  std::uint64_t random_;
  bool signaled_ = false;
  bool connected_ = true;
  bool aborted_by_user_ = false;
  bool no_interrupt_ = false;
  std::uint64_t next_unique_ = 2;
  LoopbackSettled settled_;
  LoopbackCounts counts_;
  std::vector<LoopbackDevice*> devices_;

  Fifo<LoopbackCall> before_init_;
  Fifo<LoopbackCall> blocked_;     // background callers beyond max_background
  Fifo<LoopbackCall> background_;  // beyond what may be in progress
  Fifo<LoopbackCall> pending_;
  Fifo<LoopbackCall::InterruptLink> interrupts_;
  std::deque<Forgotten> forgets_;
  int forget_batch_ = 0;
  std::uint32_t background_count_ = 0;
  std::uint32_t background_active_ = 0;

  NotifyFunction on_notify_;
  std::deque<LoopbackNotification> notifications_;
};

}  // namespace fusebay::fuse
