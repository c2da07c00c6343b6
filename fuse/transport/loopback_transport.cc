// Joins a loopback session, its channels and its notifier.
#include "fuse/loopback_transport.h"

#include "fuse/transport/channel_set.h"
#include "fuse/transport/notifier.h"

namespace fusebay::fuse {

struct LoopbackTransport::State {
  LoopbackKernel& kernel;
  const std::uint32_t slots_per_channel;
  const std::uint32_t max_payload;
  ChannelSet channels;
  Notifier notifier;
  bool started = false;
};

LoopbackTransport::LoopbackTransport(LoopbackKernel& kernel, std::uint32_t slots_per_channel,
                                     std::uint32_t max_payload)
    : state_(new State{kernel, slots_per_channel, max_payload}) {}

LoopbackTransport::~LoopbackTransport() { FB_ASSERT(!state_->started); }

Task<Result<Unit, Error>> LoopbackTransport::Start(std::span<AioContext* const> loops) {
  FB_ASSERT(!state_->started);
  FB_ASSERT(!loops.empty());
  State& state = *state_;
  state.channels.Clear();
  std::vector<std::unique_ptr<FuseDevice>> devices;
  devices.push_back(state.kernel.OpenDevice());
  const Result<> mounted = state.kernel.Mount(*devices[0]);
  FB_ASSERT(mounted.ok());
  for (std::size_t i = 1; i <= loops.size(); ++i) {
    devices.push_back(state.kernel.OpenDevice());
    const Result<> cloned = state.kernel.Clone(*devices[i], *devices[0]);
    FB_ASSERT(cloned.ok());
  }
  std::unique_ptr<FuseDevice> own_device = std::move(devices.back());
  devices.pop_back();
  const Result<Unit, Error> opened = co_await state.channels.Open(
      loops, std::move(devices), state.slots_per_channel, state.max_payload);
  if (!opened.ok()) {
    state.kernel.Unmount();
    co_return opened.error();
  }
  state.notifier.Start(std::move(own_device));
  state.started = true;
  co_return Unit{};
}

Task<Unit> LoopbackTransport::Stop() {
  State& state = *state_;
  if (!state.started) {
    co_return Unit{};
  }
  state.started = false;
  state.kernel.Unmount();
  co_await state.channels.Close();
  const Result<> silent = co_await AioContext::Current().RunBlocking([&state] {
    state.notifier.Stop();
    return Ok();
  });
  FB_ASSERT(silent.ok());
  co_return Unit{};
}

std::span<const std::unique_ptr<FuseChannel>> LoopbackTransport::channels() {
  return state_->channels.channels();
}

FuseNotifier& LoopbackTransport::notifier() { return state_->notifier; }

std::uint32_t LoopbackTransport::max_payload() const { return state_->max_payload; }

void LoopbackTransport::OnInit(const Negotiated& negotiated) {
  state_->channels.OnInit(negotiated);
}

}  // namespace fusebay::fuse
