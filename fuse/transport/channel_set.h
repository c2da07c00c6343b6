// ChannelSet: the channels of one session over FuseDevices, one per loop, from start to end.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "fuse/transport.h"
#include "fuse/transport/dev_channel.h"

namespace fusebay::fuse {

class ChannelSet {
 public:
  ChannelSet() = default;
  ChannelSet(const ChannelSet&) = delete;
  ChannelSet& operator=(const ChannelSet&) = delete;

  // Makes a channel for devices[i] on loops[i] and opens them all.
  Task<Result<Unit, Error>> Open(std::span<AioContext* const> loops,
                                 std::vector<std::unique_ptr<FuseDevice>> devices,
                                 std::size_t slot_count, std::size_t max_payload);
  // Ends every Exchange, waits for requests in progress and closes the devices.
  Task<Unit> Close();
  // Forgets the channels. REQUIRES: closed, and nobody uses them any more.
  void Clear() { channels_.clear(); }

  std::span<const std::unique_ptr<FuseChannel>> channels() const { return channels_; }
  // Whether all of them still serve.
  bool serving() const;
  void OnInit(const Negotiated& negotiated);

 private:
  DevSession session_;
  std::vector<std::unique_ptr<FuseChannel>> channels_;  // each a DevChannel
};

}  // namespace fusebay::fuse
