// FuseServer: decodes requests, calls a filesystem, encodes replies. Knows no transport's wire and
// no filesystem's meaning. One per session; serves every channel of it, each on its own loop.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>

#include "fuse/channel.h"
#include "fuse/filesystem.h"
#include "fuse/transport.h"

namespace fusebay::fuse {

struct ServerOptions {
  // Init flags that the filesystem wants where the kernel has them (fuse/abi.h, both halves). The
  // server never grants one that is not asked for here or that it needs itself.
  std::uint64_t want = 0;
  std::uint32_t max_write = 1u << 20;
  std::uint32_t max_readahead = 8u << 20;
  std::uint16_t max_background = 1024;
  std::uint32_t time_granularity_ns = 1;
  std::uint32_t max_stack_depth = 0;  // with FUSE_PASSTHROUGH
  std::uint8_t map_alignment_log2 = 12;
};

// Called around every request, on its loop: metrics and tracing. Must be quick.
class ServerHook {
 public:
  virtual ~ServerHook() = default;
  virtual void OnRequest(std::uint32_t opcode, std::uint64_t unique) = 0;
  virtual void OnReply(std::uint32_t opcode, std::uint64_t unique, std::int32_t error) = 0;
  // What client and server have agreed on, within the OnRequest and OnReply of an INIT that
  // succeeds.
  virtual void OnInit(const Negotiated&) {}
};

class FuseServer {
 public:
  // Requests of a session that may wait without limit (locks) at a time; then ENOLCK.
  static constexpr std::size_t kMaxParked = 1024;

  FuseServer(FuseFilesystem& fs, FuseTransport& transport, const ServerOptions& options,
             ServerHook* hook = nullptr);
  FuseServer(const FuseServer&) = delete;
  FuseServer& operator=(const FuseServer&) = delete;
  ~FuseServer();  // REQUIRES: every ServeChannel has returned.

  // Serves until the session ends; returns when every request of the channel is answered and
  // nothing of it is parked. REQUIRES: runs on the channel's loop.
  Task<Unit> ServeChannel(FuseChannel& channel);
  // Answers the request in slot: sets its reply, or none where FUSE wants none. Hostile bytes get
  // an error reply, never more. REQUIRES: runs on the channel's loop.
  Task<Unit> Serve(FuseChannel& channel, FuseSlot& slot);

  bool initialized() const;
  // Requests answered or in progress since the start; any thread.
  std::uint64_t request_count() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fusebay::fuse
