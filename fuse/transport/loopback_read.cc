// What a read of a loopback device delivers: interrupts first, then forgets, then requests.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "fuse/transport/loopback_connection.h"
#include "fuse/transport/loopback_device.h"

namespace fusebay::fuse {

namespace {

// While requests wait, this many forgets come first, then as many requests as the other says.
constexpr int kForgetBatch = 16;
constexpr int kForgetPause = 8;

std::size_t RequestSize(const LoopbackCall& call) {
  std::size_t size = call.raw ? 0 : sizeof(abi::InHeader);
  for (const ByteSpan piece : call.in) {
    size += piece.size();
  }
  return size;
}

template <class T>
std::byte* Put(std::byte* dst, const T& object) {
  std::memcpy(dst, &object, sizeof object);
  return dst + sizeof object;
}

}  // namespace

ssize_t LoopbackConnection::Read(LoopbackDevice& device, std::byte* dst, std::size_t size) {
  const std::lock_guard lock(mutex_);
  const std::size_t least = std::max(
      abi::kMinReadBuffer, sizeof(abi::InHeader) + sizeof(abi::WriteIn) + settled_.max_write);
  if (size < least) {
    return -EINVAL;
  }
  if (Chance(faults_.read_eintr)) {
    return -EINTR;
  }
  if (Chance(faults_.read_enoent)) {
    return -ENOENT;
  }
  for (;;) {
    if (!connected_) {
      return aborted_by_user_ ? -ECONNABORTED : -ENODEV;
    }
    if (!interrupts_.empty()) {
      return ReadInterrupt(dst);
    }
    if (!forgets_.empty()) {
      if (pending_.empty() || forget_batch_-- > 0) {
        return ReadForgets(dst, size);
      }
      if (forget_batch_ <= -kForgetPause) {
        forget_batch_ = kForgetBatch;
      }
    }
    LoopbackCall* const call = pending_.Pop();
    if (call == nullptr) {
      Unsignal();
      return -EAGAIN;
    }
    if (size >= RequestSize(*call) && !Chance(faults_.short_buffers)) {
      return ReadCall(device, *call, dst);
    }
    ++counts_.dropped;
    const bool xattr = call->opcode == static_cast<std::uint32_t>(abi::Opcode::kSetXattr);
    End(*call, xattr ? -E2BIG : -EIO);
  }
}

ssize_t LoopbackConnection::ReadInterrupt(std::byte* dst) {
  LoopbackCall& call = *interrupts_.Pop()->call;
  call.interrupt_queued = false;
  ++counts_.interrupts_read;
  abi::InHeader header{};
  header.length = sizeof(abi::InHeader) + sizeof(abi::InterruptIn);
  header.opcode = static_cast<std::uint32_t>(abi::Opcode::kInterrupt);
  header.unique = call.unique | abi::kUniqueInterrupt;
  Put(Put(dst, header), abi::InterruptIn{call.unique});
  return header.length;
}

ssize_t LoopbackConnection::ReadForgets(std::byte* dst, std::size_t size) {
  ++counts_.forgets_read;
  abi::InHeader header{};
  header.unique = next_unique_;
  next_unique_ += 2;
  if (settled_.minor < 16 || forgets_.size() == 1) {
    const Forgotten one = forgets_.front();
    forgets_.pop_front();
    header.length = sizeof(abi::InHeader) + sizeof(abi::ForgetIn);
    header.opcode = static_cast<std::uint32_t>(abi::Opcode::kForget);
    header.nodeid = one.nodeid;
    Put(Put(dst, header), abi::ForgetIn{one.lookups});
    return header.length;
  }
  const std::size_t room =
      (size - sizeof(abi::InHeader) - sizeof(abi::BatchForgetIn)) / sizeof(abi::ForgetOne);
  const std::size_t count = std::min(room, forgets_.size());
  header.length = static_cast<std::uint32_t>(sizeof(abi::InHeader) + sizeof(abi::BatchForgetIn) +
                                             count * sizeof(abi::ForgetOne));
  header.opcode = static_cast<std::uint32_t>(abi::Opcode::kBatchForget);
  std::byte* at = Put(Put(dst, header), abi::BatchForgetIn{static_cast<std::uint32_t>(count), 0});
  for (std::size_t i = 0; i < count; ++i) {
    at = Put(at, abi::ForgetOne{forgets_.front().nodeid, forgets_.front().lookups});
    forgets_.pop_front();
  }
  return header.length;
}

// The call leaves the queue only now that all of it is delivered.
ssize_t LoopbackConnection::ReadCall(LoopbackDevice& device, LoopbackCall& call, std::byte* dst) {
  const std::size_t size = RequestSize(call);
  std::byte* at = dst;
  if (!call.raw) {
    abi::InHeader header{};
    header.length = static_cast<std::uint32_t>(size);
    header.opcode = call.opcode;
    header.unique = call.unique;
    header.nodeid = call.nodeid;
    header.uid = call.uid;
    header.gid = call.gid;
    header.pid = call.pid;
    at = Put(at, header);
  }
  for (const ByteSpan piece : call.in) {
    std::copy(piece.begin(), piece.end(), at);
    at += piece.size();
  }
  ++counts_.requests_read;
  if (call.no_reply) {
    End(call, 0);
  } else {
    call.sent = true;
    device.Bucket(call.unique).Push(call);
    if (call.interrupted || Chance(faults_.interrupts)) {
      call.interrupted = true;
      QueueInterrupt(call);
    }
  }
  if (counts_.requests_read == faults_.abort_at_request) {
    AbortLocked(false);
  }
  return static_cast<ssize_t>(size);
}

}  // namespace fusebay::fuse
