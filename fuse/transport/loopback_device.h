// LoopbackDevice: /dev/fuse of a LoopbackKernel.
#pragma once
#include <array>
#include <memory>

#include "base/list.h"
#include "fuse/loopback.h"
#include "fuse/transport/fuse_device.h"

namespace fusebay::fuse {

class LoopbackDevice final : public FuseDevice {
 public:
  LoopbackDevice() = default;
  LoopbackDevice(const LoopbackDevice&) = delete;
  LoopbackDevice& operator=(const LoopbackDevice&) = delete;
  ~LoopbackDevice() override;  // ends the calls that were read through it

  int poll_fd() const override;
  ssize_t Read(std::byte* dst, std::size_t size) override;
  ssize_t Write(std::span<const iovec> message) override;

  // REQUIRES: it has no session yet.
  void Attach(std::shared_ptr<LoopbackConnection> connection);
  const std::shared_ptr<LoopbackConnection>& connection() const { return connection_; }

  // What was read here and not answered; the connection's lock guards it.
  Fifo<LoopbackCall>& Bucket(std::uint64_t unique) { return processing_[(unique >> 1) % kBuckets]; }
  template <class F>
  void ForEachBucket(F fn) {
    for (Fifo<LoopbackCall>& bucket : processing_) {
      fn(bucket);
    }
  }

 private:
  static constexpr std::size_t kBuckets = 64;
  std::shared_ptr<LoopbackConnection> connection_;
  std::array<Fifo<LoopbackCall>, kBuckets> processing_;
};

}  // namespace fusebay::fuse
