// What a FuseServer keeps: of the session (Session), of each channel (ChannelState), of each
// parked request (Parked).
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

#include "core/scope.h"
#include "fuse/server.h"
#include "fuse/server/in_progress.h"
#include "fuse/server/request.h"

namespace fusebay::fuse {

struct ChannelState {
  ChannelState(Session& owner, FuseChannel& its_channel);

  Session& session;
  FuseChannel& channel;
  std::size_t request_total;
  std::unique_ptr<Request[]> requests;   // one per slot
  std::atomic<std::uint64_t> served{0};  // written by this loop only
  MarkedRequests marked;                 // of this channel, by other loops
  Bell bell;                             // rung for `marked`
  bool stopping = false;
  TaskScope tasks;  // parked requests, and what waits for the bell
};

// A request that may wait without limit; its slot serves others meanwhile.
struct Parked {
  InProgress progress;
  std::atomic<ChannelState*> channel{nullptr};  // that it came through, the last time
  Parked* next_free = nullptr;
  std::uint64_t unique = 0;  // as the client wrote it
  Caller caller;
  NodeId node{};
  Handle handle{};
  XattrLockOps::LockArgs lock;
  CancelToken cancel;
};

class Session {
 public:
  static constexpr std::size_t kMaxChannels = 256;
  enum class Phase : std::uint8_t { kNew, kStarting, kServing };

  Session(FuseFilesystem& filesystem, FuseTransport& transport, const ServerOptions& options,
          ServerHook* hook)
      : fs(filesystem), transport(transport), options(options), hook(hook) {}

  // The state of `channel`, made when it is new. On the channel's loop.
  ChannelState& StateOf(FuseChannel& channel);
  std::span<const std::unique_ptr<ChannelState>> channels() const {
    return {channels_.data(), channel_total_.load(std::memory_order_acquire)};
  }

  // Null when kMaxParked requests are parked. The caller's loop owns it until Unpark.
  Parked* Park(ChannelState& channel);
  void Unpark(Parked& parked);
  // Ends every request of the channel early, parked or not. On its loop.
  void CancelAll(ChannelState& channel);

  // Ends the request `unique`, wherever it runs. On the loop of `asking`.
  void Interrupt(ChannelState& asking, std::uint64_t unique);
  // Does what Interrupt asked of this channel from other loops. On its loop.
  void CancelMarked(ChannelState& channel);
  // Whether any request but `except` is in progress.
  bool IsBusy(const Request& except);
  void ForgetEarlyInterrupts() { early_.Clear(); }

  FuseFilesystem& fs;
  FuseTransport& transport;
  const ServerOptions options;
  ServerHook* const hook;
  std::atomic<Phase> phase{Phase::kNew};
  Negotiated negotiated;  // changes in Phase::kStarting only

 private:
  friend class Request;
  // Calls fn(ChannelState&, InProgress&, CancelToken&) for each place where a request may be in
  // progress; the token may be used only if the channel is the caller's own.
  template <class F>
  void ForEachInProgress(F fn);
  bool InterruptRunning(ChannelState& asking, std::uint64_t key);
  bool CancelHere(ChannelState& here, std::uint64_t key);

  std::mutex guard_;  // of what follows; short, never held across a suspend
  std::array<std::unique_ptr<ChannelState>, kMaxChannels> channels_;
  std::atomic<std::size_t> channel_total_{0};
  std::unique_ptr<Parked[]> parked_ = std::make_unique<Parked[]>(FuseServer::kMaxParked);
  Parked* free_ = nullptr;
  std::atomic<std::size_t> parked_used_{0};  // of parked_, from the front, ever

  EarlyInterrupts early_;
};

}  // namespace fusebay::fuse
