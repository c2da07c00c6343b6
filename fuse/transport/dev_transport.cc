// Joins a mount, its channels and its notifier.
#include "fuse/dev_transport.h"

#include <fmt/format.h>

#include "base/align.h"
#include "core/log.h"
#include "core/sync.h"
#include "fuse/transport/channel_set.h"
#include "fuse/transport/kernel_device.h"
#include "fuse/transport/mount.h"
#include "fuse/transport/notifier.h"

namespace fusebay::fuse {

struct DevTransport::State {
  explicit State(DevTransportOptions transport_options)
      : options(std::move(transport_options)), mount(options.mount) {}

  const DevTransportOptions options;
  FuseMount mount;
  ChannelSet channels;
  Notifier notifier;
  CoMutex stopping;
  bool started = false;
};

namespace {

// Calls a method that may block, on a worker.
Task<Result<Unit, Error>> Blocking(std::function<Result<Unit, Error>()> fn) {
  Result<Unit, Error> outcome = Unit{};
  const std::function<Result<>()> call = [&]() -> Result<> {
    outcome = fn();
    return Ok();
  };
  const Result<> called = co_await AioContext::Current().RunBlocking(call);
  FB_ASSERT(called.ok());
  co_return outcome;
}

Result<std::vector<std::unique_ptr<FuseDevice>>, Error> OpenDevices(int session_fd,
                                                                    std::size_t count) {
  std::vector<std::unique_ptr<FuseDevice>> devices;
  for (std::size_t i = 0; i < count; ++i) {
    FB_ASSIGN(auto device, i == 0 ? DuplicateDevice(session_fd) : CloneDevice(session_fd));
    devices.push_back(std::move(device));
  }
  return devices;
}

}  // namespace

DevTransport::DevTransport(DevTransportOptions options)
    : state_(std::make_unique<State>(std::move(options))) {
  const DevTransportOptions& own = state_->options;
  FB_ASSERT(own.slots_per_channel > 0 && own.slots_per_channel <= DevTransportOptions::kMaxSlots);
  FB_ASSERT(own.max_payload > 0 && own.max_payload <= 1u << 20);
  FB_ASSERT(IsAligned(own.max_payload, SlotMemory::kPage));
}

DevTransport::~DevTransport() { FB_ASSERT(!state_->started); }

Task<Result<Unit, Error>> DevTransport::Start(std::span<AioContext* const> loops) {
  FB_ASSERT(!state_->started);
  FB_ASSERT(!loops.empty());
  State& state = *state_;
  state.channels.Clear();
  const Result<Unit, Error> mounted = co_await Blocking([&state] { return state.mount.Mount(); });
  CO_TRY(mounted);
  auto devices = OpenDevices(state.mount.fd(), loops.size());
  auto own_device = DuplicateDevice(state.mount.fd());
  Result<Unit, Error> opened = Unit{};
  if (!devices.ok()) {
    opened = devices.error();
  } else if (!own_device.ok()) {
    opened = own_device.error();
  } else {
    opened = co_await state.channels.Open(
        loops, std::move(*devices), state.options.slots_per_channel, state.options.max_payload);
  }
  if (!opened.ok()) {
    const Result<Unit, Error> unmounted =
        co_await Blocking([&state] { return state.mount.Unmount(false); });
    if (!unmounted.ok()) {
      LogWarning(unmounted.error().message);
    }
    co_return opened.error();
  }
  state.notifier.Start(std::move(*own_device));
  state.started = true;
  co_return Unit{};
}

Task<Result<>> DevTransport::WriteBack(NodeId node, std::chrono::milliseconds limit) {
  State& state = *state_;
  const CoMutex::Guard guard = co_await state.stopping.Lock();
  const Result<> written = co_await AioContext::Current().RunBlocking([&state, node, limit] {
    state.notifier.InvalidateInode(node, 0, 0);
    return state.notifier.WaitUntilTaken(limit);
  });
  co_return written;
}

Task<Result<>> DevTransport::Settle(std::chrono::milliseconds limit) {
  State& state = *state_;
  const CoMutex::Guard guard = co_await state.stopping.Lock();
  const Result<> taken = co_await AioContext::Current().RunBlocking(
      [&state, limit] { return state.notifier.WaitUntilTaken(limit); });
  co_return taken;
}

Task<Unit> DevTransport::Stop() {
  State& state = *state_;
  const CoMutex::Guard guard = co_await state.stopping.Lock();
  if (!state.started) {
    co_return Unit{};
  }
  // While the channels serve, the kernel can write back what it still has; afterwards an unmount
  // must not wait for anything.
  const bool serving = state.channels.serving();
  Result<Unit, Error> unmounted = Unit{};
  if (serving) {
    unmounted = co_await Blocking([&state] { return state.mount.Unmount(true); });
  } else {
    co_await state.channels.Close();
  }
  const Result<Unit, Error> silent = co_await Blocking([&state]() -> Result<Unit, Error> {
    state.notifier.Stop();
    return Unit{};
  });
  FB_ASSERT(silent.ok());
  if (serving) {
    co_await state.channels.Close();
  } else {
    unmounted = co_await Blocking([&state] { return state.mount.Unmount(false); });
  }
  if (!unmounted.ok()) {
    LogWarning(unmounted.error().message);
  }
  state.started = false;
  co_return Unit{};
}

std::span<const std::unique_ptr<FuseChannel>> DevTransport::channels() {
  return state_->channels.channels();
}

FuseNotifier& DevTransport::notifier() { return state_->notifier; }

std::uint32_t DevTransport::max_payload() const { return state_->options.max_payload; }

void DevTransport::OnInit(const Negotiated& negotiated) { state_->channels.OnInit(negotiated); }

bool DevTransport::allow_other() const { return state_->mount.allow_other(); }

const std::optional<MountIdentity>& DevTransport::mount_entry() const {
  return state_->mount.entry();
}

}  // namespace fusebay::fuse
