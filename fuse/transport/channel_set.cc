// Opens and closes channels on their loops.
#include "fuse/transport/channel_set.h"

namespace fusebay::fuse {

namespace {

DevChannel& AsDevChannel(FuseChannel& channel) { return static_cast<DevChannel&>(channel); }

}  // namespace

Task<Result<Unit, Error>> ChannelSet::Open(std::span<AioContext* const> loops,
                                           std::vector<std::unique_ptr<FuseDevice>> devices,
                                           std::size_t slot_count, std::size_t max_payload) {
  FB_ASSERT(channels_.empty());
  FB_ASSERT(loops.size() == devices.size());
  session_.minor = 0;
  session_.flags = 0;
  for (std::size_t i = 0; i < loops.size(); ++i) {
    auto channel =
        DevChannel::Create(*loops[i], session_, std::move(devices[i]), slot_count, max_payload);
    if (!channel.ok()) {
      channels_.clear();
      co_return channel.error();
    }
    channels_.push_back(std::move(*channel));
  }
  for (const std::unique_ptr<FuseChannel>& channel : channels_) {
    co_await RunOn(channel->loop(), AsDevChannel(*channel).Open());
  }
  co_return Unit{};
}

Task<Unit> ChannelSet::Close() {
  for (const std::unique_ptr<FuseChannel>& channel : channels_) {
    co_await RunOn(channel->loop(), AsDevChannel(*channel).Close());
  }
  co_return Unit{};
}

bool ChannelSet::serving() const {
  for (const std::unique_ptr<FuseChannel>& channel : channels_) {
    if (AsDevChannel(*channel).ended()) {
      return false;
    }
  }
  return !channels_.empty();
}

void ChannelSet::OnInit(const Negotiated& negotiated) {
  session_.minor.store(negotiated.minor, std::memory_order_relaxed);
  session_.flags.store(negotiated.flags, std::memory_order_relaxed);
}

}  // namespace fusebay::fuse
