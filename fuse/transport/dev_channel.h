// DevChannel: the requests of one FuseDevice on one loop.
//
// Whoever has a free slot reads: Exchange itself right after the reply (under load there is a next
// request already), the pump when the descriptor polls readable, and the loop while it polls before
// a sleep. Without a free slot nobody reads, and requests wait in the kernel or go to another loop.
#pragma once
#include <atomic>
#include <memory>
#include <vector>

#include "base/fd.h"
#include "core/aio_context.h"
#include "core/log.h"
#include "core/scope.h"
#include "core/sync.h"
#include "fuse/channel.h"
#include "fuse/transport/dev_slot.h"
#include "fuse/transport/fuse_device.h"

namespace fusebay::fuse {

// What the channels of a session share.
struct DevSession {
  std::atomic<std::uint32_t> minor{0};  // what INIT settled
  std::atomic<std::uint64_t> flags{0};
  // Only the channel that served last polls its device while its loop is idle: more of them would
  // take the core from the client.
  std::atomic<const void*> last_served{nullptr};
};

class DevChannel final : public FuseChannel, private BusyPoller {
 public:
  // A channel that was idle for this long, or up to twice as long, gives the memory of its buffers
  // back.
  static constexpr Nanoseconds kIdleTime = std::chrono::seconds(1);

  static Result<std::unique_ptr<DevChannel>, Error> Create(AioContext& loop, DevSession& session,
                                                           std::unique_ptr<FuseDevice> device,
                                                           std::size_t slot_count,
                                                           std::size_t max_payload);
  ~DevChannel() override;  // REQUIRES: Close has returned, or Open was never called.

  // Begins to read. REQUIRES: on the channel's loop; called once.
  Task<Unit> Open();
  // Shutdown, then waits until every request that was handed out has come back, and closes the
  // device. REQUIRES: on the channel's loop.
  Task<Unit> Close();
  // The session is over. Any thread.
  bool ended() const { return ended_.load(std::memory_order_relaxed); }

  std::span<const std::unique_ptr<FuseSlot>> slots() override { return slots_; }
  AioContext& loop() override { return loop_; }
  Result<> Reply(std::uint64_t unique, std::int32_t error, ByteSpan args) override;
  void Shutdown() override;

 private:
  enum class ReadResult : std::uint8_t { kRequest, kEmpty, kEnded };

  DevChannel(AioContext& loop, DevSession& session, std::unique_ptr<FuseDevice> device);
  bool Submit(FuseSlot& slot, std::coroutine_handle<> handle, Result<>& result) override;
  bool Poll() override;

  Task<Unit> Pump();
  Task<Unit> WaitForRequest();
  Task<Unit> TrimWhenIdle();
  void Trim();
  void ArmIdleTimer();

  ReadResult ReadInto(DevSlot& slot);
  void Accept(DevSlot& slot, std::size_t size);
  void FinishRequest(DevSlot& slot);
  Result<> SendReply(std::uint64_t unique, std::int32_t error, const iovec& args,
                     const iovec& payload);
  void PushFree(DevSlot& slot);
  DevSlot* PopFree();
  bool MayReadNow();

  AioContext& loop_;
  DevSession& session_;
  std::unique_ptr<FuseDevice> device_;
  SlotMemory memory_;
  std::vector<std::unique_ptr<FuseSlot>> slots_;
  DevSlot* free_ = nullptr;  // last in, first out: the warmest buffer is used next
  std::size_t serving_ = 0;
  std::atomic<bool> ended_{false};
  bool opened_ = false;

  TaskScope scope_;
  IoOp poll_op_;  // the pump's
  bool polling_ = false;
  CoEvent slot_free_;
  CoEvent all_returned_;

  UniqueFd idle_timer_;
  IoOp timer_op_;
  bool timer_waits_ = false;
  bool timer_armed_ = false;
  std::uint64_t requests_ = 0;
  std::uint64_t requests_when_armed_ = 0;

  std::uint64_t turn_ = 0;
  std::int64_t budget_ = 0;  // what may still be read in this turn of the loop
  RateLimit read_limit_;
  RateLimit reply_limit_;
};

}  // namespace fusebay::fuse
