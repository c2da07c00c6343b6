// FuseServer: serves the slots of every channel of a session, request by request.
#include "fuse/server.h"

#include "fuse/server/operations.h"
#include "fuse/server/request.h"
#include "fuse/server/state.h"

namespace fusebay::fuse {
namespace {

// A plain function: the handler's frame is the only one.
Task<Unit> ServeOne(Request& request) {
  const Operation* const operation = request.Begin();
  return operation == nullptr ? Task<Unit>(Unit{}) : operation->serve(request);
}

Task<Unit> ServeSlot(FuseChannel& channel, Request& request) {
  for (;;) {
    const Result<> exchanged = co_await channel.Exchange(request.slot());
    if (!exchanged.ok()) {
      co_return Unit{};
    }
    co_await ServeOne(request);
    FB_ASSERT(!request.active());
  }
}

// Carries out here what other channels' INTERRUPTs ask of this one.
Task<Unit> WaitForInterrupts(ChannelState& state) {
  while (!state.stopping) {
    state.session.CancelMarked(state);
    co_await state.bell.Wait();
  }
  co_return Unit{};
}

}  // namespace

struct FuseServer::State : Session {
  using Session::Session;
};

FuseServer::FuseServer(FuseFilesystem& fs, FuseTransport& transport, const ServerOptions& options,
                       ServerHook* hook)
    : state_(std::make_unique<State>(fs, transport, options, hook)) {}

FuseServer::~FuseServer() = default;

Task<Unit> FuseServer::ServeChannel(FuseChannel& channel) {
  ChannelState& state = state_->StateOf(channel);
  state.stopping = false;
  state.tasks.Spawn(WaitForInterrupts(state));
  TaskScope slots;
  for (std::size_t i = 0; i < state.request_total; ++i) {
    slots.Spawn(ServeSlot(channel, state.requests[i]));
  }
  co_await slots.Join();
  state_->CancelAll(state);
  state.stopping = true;
  state.bell.Ring();
  co_await state.tasks.Join();
  co_return Unit{};
}

Task<Unit> FuseServer::Serve(FuseChannel& channel, FuseSlot& slot) {
  ChannelState& state = state_->StateOf(channel);
  for (std::size_t i = 0; i < state.request_total; ++i) {
    if (&state.requests[i].slot() == &slot) {
      return ServeOne(state.requests[i]);
    }
  }
  FB_ASSERT(false);  // not a slot of this channel
  return Unit{};
}

bool FuseServer::initialized() const { return state_->phase.load() == Session::Phase::kServing; }

std::uint64_t FuseServer::request_count() const {
  std::uint64_t total = 0;
  for (const std::unique_ptr<ChannelState>& channel : state_->channels()) {
    total += channel->served.load(std::memory_order_relaxed);
  }
  return total;
}

}  // namespace fusebay::fuse
