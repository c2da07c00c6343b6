// FuseTransport: a session with one client. What is mounted or connected, with one channel per
// loop.
//
// Life: Start, then a FuseServer serves every channel, then Stop. Start and Stop are called on the
// control loop; the channels belong to the data loops they were made for.
#pragma once
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/aio_context.h"
#include "fuse/channel.h"
#include "fuse/types.h"

namespace fusebay::fuse {

// Tells the client that what it caches is stale. Any thread; only WaitUntilTaken waits: messages
// leave from a thread of their own, for the kernel may wait inside for pages that a data loop must
// serve. The queue is bounded: ranges are merged, and when it is full the whole inode is dropped
// instead.
class FuseNotifier {
 public:
  virtual ~FuseNotifier() = default;
  // Drops cached data in [offset, offset + length) and the attributes; length 0: to the end of the
  // file; offset -1: attributes only.
  virtual void InvalidateInode(NodeId node, std::int64_t offset, std::int64_t length) = 0;
  virtual void InvalidateEntry(NodeId parent, std::string_view name) = 0;
  // Asks the client to send every request again that has no reply yet.
  virtual void Resend() = 0;
  // Waits until the client has taken every notification before this, and with it has sent what it
  // had not written yet. ETIMEDOUT; ENODEV: the session is over. Blocks: not for a loop's thread,
  // nor for who keeps the client's writes from being served.
  virtual Result<> WaitUntilTaken(std::chrono::milliseconds limit) = 0;
};

class FuseTransport {
 public:
  virtual ~FuseTransport() = default;  // REQUIRES: Stop has returned, or Start never succeeded.

  // Mounts or connects and makes the channels; channel i belongs to loops[i].
  virtual Task<Result<Unit, Error>> Start(std::span<AioContext* const> loops) = 0;
  virtual std::span<const std::unique_ptr<FuseChannel>> channels() = 0;
  virtual FuseNotifier& notifier() = 0;
  // The most data that one READ reply or WRITE request can carry.
  virtual std::uint32_t max_payload() const = 0;
  // What INIT settled; called once by the server, on a data loop, before it replies.
  virtual void OnInit(const Negotiated& negotiated) = 0;
  // Unmounts or disconnects and ends every Exchange. Idempotent; also right when the user has
  // unmounted already. The channels stay until the transport is destroyed.
  virtual Task<Unit> Stop() = 0;
};

}  // namespace fusebay::fuse
