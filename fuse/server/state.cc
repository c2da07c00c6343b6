// The session of a FuseServer: its channels, its parked requests, and interrupts between them.
#include "fuse/server/state.h"

namespace fusebay::fuse {

template <class F>
void Session::ForEachInProgress(F fn) {
  for (const std::unique_ptr<ChannelState>& channel : channels()) {
    for (std::size_t i = 0; i < channel->request_total; ++i) {
      Request& request = channel->requests[i];
      fn(*channel, request.progress(), request.slot().cancel);
    }
  }
  const std::size_t used = parked_used_.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < used; ++i) {
    Parked& parked = parked_[i];
    fn(*parked.channel.load(), parked.progress, parked.cancel);
  }
}

ChannelState::ChannelState(Session& owner, FuseChannel& its_channel)
    : session(owner),
      channel(its_channel),
      request_total(its_channel.slots().size()),
      requests(std::make_unique<Request[]>(request_total)),
      bell(its_channel.loop()) {
  for (std::size_t i = 0; i < request_total; ++i) {
    requests[i].Bind(*this, *its_channel.slots()[i]);
  }
}

ChannelState& Session::StateOf(FuseChannel& channel) {
  for (const std::unique_ptr<ChannelState>& state : channels()) {
    if (&state->channel == &channel) {
      return *state;
    }
  }
  auto made = std::make_unique<ChannelState>(*this, channel);
  ChannelState& state = *made;
  const std::lock_guard lock(guard_);
  const std::size_t total = channel_total_.load(std::memory_order_relaxed);
  FB_ASSERT(total < kMaxChannels);
  channels_[total] = std::move(made);
  channel_total_.store(total + 1, std::memory_order_release);
  return state;
}

Parked* Session::Park(ChannelState& channel) {
  const std::lock_guard lock(guard_);
  Parked* parked = free_;
  if (parked != nullptr) {
    free_ = parked->next_free;
    parked->channel.store(&channel);
    return parked;
  }
  const std::size_t used = parked_used_.load(std::memory_order_relaxed);
  if (used == FuseServer::kMaxParked) {
    return nullptr;
  }
  parked = &parked_[used];
  parked->channel.store(&channel);
  parked_used_.store(used + 1, std::memory_order_release);
  return parked;
}

void Session::Unpark(Parked& parked) {
  parked.progress.End();
  parked.cancel.Reset();
  const std::lock_guard lock(guard_);
  parked.next_free = free_;
  free_ = &parked;
}

void Session::Interrupt(ChannelState& asking, std::uint64_t unique) {
  const std::uint64_t key = UniqueKey(unique);
  if (InterruptRunning(asking, key)) {
    return;
  }
  early_.Add(key, asking.channel.loop().Now());
  // It may have begun just now, and not have seen it yet.
  InterruptRunning(asking, key);
}

bool Session::InterruptRunning(ChannelState& asking, std::uint64_t key) {
  if (CancelHere(asking, key)) {
    return true;
  }
  bool found = false;
  ForEachInProgress([&](ChannelState& channel, InProgress& progress, CancelToken&) {
    if (!found && progress.key() == key) {
      found = true;
      channel.marked.Add(key);
      channel.bell.Ring();
    }
  });
  return found;
}

bool Session::CancelHere(ChannelState& here, std::uint64_t key) {
  bool found = false;
  ForEachInProgress([&](ChannelState& channel, InProgress& progress, CancelToken& cancel) {
    if (&channel == &here && progress.key() == key) {
      found = true;
      cancel.Cancel();
    }
  });
  return found;
}

void Session::CancelMarked(ChannelState& channel) {
  for (const std::uint64_t key : channel.marked.Take()) {
    CancelHere(channel, key);
  }
}

void Session::CancelAll(ChannelState& channel) {
  ForEachInProgress([&](ChannelState& owner, InProgress& progress, CancelToken& cancel) {
    if (&owner == &channel && progress.key() != 0) {
      cancel.Cancel();
    }
  });
}

bool Session::IsBusy(const Request& except) {
  bool busy = false;
  ForEachInProgress([&](ChannelState&, InProgress& progress, CancelToken&) {
    busy = busy || (&progress != &except.progress() && progress.key() != 0);
  });
  return busy;
}

}  // namespace fusebay::fuse
