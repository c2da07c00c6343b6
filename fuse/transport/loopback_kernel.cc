// LoopbackKernel and its devices: who belongs to which session.
#include "fuse/loopback.h"

#include <cerrno>
#include <utility>

#include "fuse/transport/loopback_connection.h"
#include "fuse/transport/loopback_device.h"

namespace fusebay::fuse {

LoopbackDevice::~LoopbackDevice() {
  if (connection_ != nullptr) {
    connection_->Remove(*this);
  }
}

int LoopbackDevice::poll_fd() const {
  return connection_ == nullptr ? -1 : connection_->ready_fd();
}

ssize_t LoopbackDevice::Read(std::byte* dst, std::size_t size) {
  return connection_ == nullptr ? -EPERM : connection_->Read(*this, dst, size);
}

ssize_t LoopbackDevice::Write(std::span<const iovec> message) {
  return connection_ == nullptr ? -EPERM : connection_->Write(*this, message);
}

void LoopbackDevice::Attach(std::shared_ptr<LoopbackConnection> connection) {
  FB_ASSERT(connection_ == nullptr);
  connection_ = std::move(connection);
  connection_->Add(*this);
}

LoopbackKernel::LoopbackKernel(LoopbackOptions options, LoopbackFaults faults)
    : options_(options), faults_(faults) {}

LoopbackKernel::~LoopbackKernel() { Unmount(); }

std::unique_ptr<FuseDevice> LoopbackKernel::OpenDevice() {
  return std::make_unique<LoopbackDevice>();
}

Result<> LoopbackKernel::Mount(FuseDevice& device) {
  auto& session_device = static_cast<LoopbackDevice&>(device);
  if (session_device.connection() != nullptr) {
    return Errno(EINVAL);
  }
  const std::lock_guard lock(mutex_);
  FB_ASSERT(connection_ == nullptr);
  connection_ = std::make_shared<LoopbackConnection>(options_, faults_);
  connection_->OnNotify(on_notify_);
  session_device.Attach(connection_);
  return Ok();
}

Result<> LoopbackKernel::Clone(FuseDevice& fresh, const FuseDevice& of) {
  auto& fresh_device = static_cast<LoopbackDevice&>(fresh);
  const auto& source = static_cast<const LoopbackDevice&>(of);
  if (fresh_device.connection() != nullptr || source.connection() == nullptr) {
    return Errno(EINVAL);
  }
  fresh_device.Attach(source.connection());
  return Ok();
}

void LoopbackKernel::Unmount() {
  std::shared_ptr<LoopbackConnection> ended;
  {
    const std::lock_guard lock(mutex_);
    ended = std::exchange(connection_, nullptr);
  }
  if (ended != nullptr) {
    ended->Abort(false);
  }
}

void LoopbackKernel::Abort() {
  if (const auto current = connection()) {
    current->Abort(true);
  }
}

std::shared_ptr<LoopbackConnection> LoopbackKernel::connection() const {
  const std::lock_guard lock(mutex_);
  return connection_;
}

bool LoopbackKernel::Queue(LoopbackCall& call, std::coroutine_handle<> handle) {
  const auto current = connection();
  if (current == nullptr) {
    call.error = -ENOTCONN;
    return false;
  }
  return current->Queue(call, handle);
}

void LoopbackKernel::Forget(std::uint64_t nodeid, std::uint64_t lookups) {
  if (const auto current = connection()) {
    current->Forget(nodeid, lookups);
  }
}

void LoopbackKernel::Interrupt(std::uint64_t unique, bool fatal) {
  if (const auto current = connection()) {
    current->Interrupt(unique, fatal);
  }
}

void LoopbackKernel::Inject(ByteSpan request) {
  if (const auto current = connection()) {
    current->Inject(request);
  }
}

void LoopbackKernel::OnNotify(std::function<std::int32_t(const LoopbackNotification&)> fn) {
  const std::lock_guard lock(mutex_);
  on_notify_ = std::move(fn);
  if (connection_ != nullptr) {
    connection_->OnNotify(on_notify_);
  }
}

std::vector<LoopbackNotification> LoopbackKernel::notifications() const {
  const auto current = connection();
  return current == nullptr ? std::vector<LoopbackNotification>() : current->notifications();
}

LoopbackSettled LoopbackKernel::settled() const {
  const auto current = connection();
  return current == nullptr ? LoopbackSettled() : current->settled();
}

LoopbackCounts LoopbackKernel::counts() const {
  const auto current = connection();
  return current == nullptr ? LoopbackCounts() : current->counts();
}

std::uint64_t LoopbackKernel::last_unique() const {
  const auto current = connection();
  return current == nullptr ? 0 : current->last_unique();
}

bool LoopbackKernel::connected() const {
  const auto current = connection();
  return current != nullptr && current->connected();
}

bool LoopbackKernel::interrupts_disabled() const {
  const auto current = connection();
  return current != nullptr && current->interrupts_disabled();
}

}  // namespace fusebay::fuse
