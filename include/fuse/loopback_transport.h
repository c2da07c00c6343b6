// LoopbackTransport: a session with a LoopbackKernel. It uses the channels of DevTransport, so that
// what is tested through it is what serves /dev/fuse.
#pragma once
#include <cstdint>
#include <memory>

#include "fuse/loopback.h"
#include "fuse/transport.h"

namespace fusebay::fuse {

class LoopbackTransport final : public FuseTransport {
 public:
  // The kernel must outlive it and be mounted by nobody else.
  explicit LoopbackTransport(LoopbackKernel& kernel, std::uint32_t slots_per_channel = 32,
                             std::uint32_t max_payload = 1u << 20);
  ~LoopbackTransport() override;

  // Mounts; the client then has to send INIT.
  Task<Result<Unit, Error>> Start(std::span<AioContext* const> loops) override;
  std::span<const std::unique_ptr<FuseChannel>> channels() override;
  FuseNotifier& notifier() override;
  std::uint32_t max_payload() const override;
  void OnInit(const Negotiated& negotiated) override;
  Task<Unit> Stop() override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fusebay::fuse
