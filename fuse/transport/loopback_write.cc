// What a write to a loopback device may be: a reply, an answer to an interrupt, a notification.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/iovec.h"
#include "fuse/transport/loopback_connection.h"
#include "fuse/transport/loopback_device.h"

namespace fusebay::fuse {

namespace {

// The kernel's internal errors begin here; none of them may come from a server.
constexpr std::int32_t kMaxError = 512;

IoVec Whole(std::span<const iovec> message) {
  std::size_t size = 0;
  for (const iovec& piece : message) {
    size += piece.iov_len;
  }
  return {message, 0, size};
}

std::vector<std::byte> BodyOf(std::span<const iovec> message) {
  const IoVec body = Whole(message).From(sizeof(abi::OutHeader));
  std::vector<std::byte> bytes(body.size);
  body.CopyTo(bytes.data());
  return bytes;
}

template <class T>
T Load(const std::vector<std::byte>& bytes) {
  T object;
  std::memcpy(&object, bytes.data(), sizeof object);
  return object;
}

// A name of `length` bytes and its NUL after the fixed part.
std::int32_t CheckName(const std::vector<std::byte>& args, std::size_t fixed,
                       std::uint32_t length) {
  if (length > abi::kMaxName) {
    return -ENAMETOOLONG;
  }
  return args.size() == fixed + length + 1 ? 0 : -EINVAL;
}

// 0, or why the kernel refuses such a notification.
std::int32_t CheckNotification(abi::NotifyCode code, const std::vector<std::byte>& args) {
  const std::size_t size = args.size();
  switch (code) {
    case abi::NotifyCode::kPoll:
      return size == sizeof(abi::NotifyPollOut) ? 0 : -EINVAL;
    case abi::NotifyCode::kInvalInode:
      return size == sizeof(abi::NotifyInvalInodeOut) ? 0 : -EINVAL;
    case abi::NotifyCode::kInvalEntry:
      return size < sizeof(abi::NotifyInvalEntryOut)
                 ? -EINVAL
                 : CheckName(args, sizeof(abi::NotifyInvalEntryOut),
                             Load<abi::NotifyInvalEntryOut>(args).namelen);
    case abi::NotifyCode::kDelete:
      return size < sizeof(abi::NotifyDeleteOut)
                 ? -EINVAL
                 : CheckName(args, sizeof(abi::NotifyDeleteOut),
                             Load<abi::NotifyDeleteOut>(args).namelen);
    case abi::NotifyCode::kStore:
      return size >= sizeof(abi::NotifyStoreOut) &&
                     size - sizeof(abi::NotifyStoreOut) == Load<abi::NotifyStoreOut>(args).size
                 ? 0
                 : -EINVAL;
    case abi::NotifyCode::kRetrieve:
      return size == sizeof(abi::NotifyRetrieveOut) ? 0 : -EINVAL;
    case abi::NotifyCode::kPrune:
      return size >= sizeof(abi::NotifyPruneOut) &&
                     size - sizeof(abi::NotifyPruneOut) ==
                         std::uint64_t{Load<abi::NotifyPruneOut>(args).count} * 8
                 ? 0
                 : -EINVAL;
    case abi::NotifyCode::kResend:
    case abi::NotifyCode::kIncEpoch:
      return 0;
  }
  return -EINVAL;
}

}  // namespace

ssize_t LoopbackConnection::Write(LoopbackDevice& device, std::span<const iovec> message) {
  const IoVec whole = Whole(message);
  abi::OutHeader header{};
  if (whole.size >= sizeof header) {
    whole.First(sizeof header).CopyTo(reinterpret_cast<std::byte*>(&header));
  }
  ssize_t result = -EINVAL;
  if (whole.size >= sizeof header && header.length == whole.size) {
    result = header.unique == 0 ? Notify(header, message) : WriteReply(device, header, message);
  }
  if (result == -EINVAL) {
    const std::lock_guard lock(mutex_);
    ++counts_.refused_replies;
  }
  return result;
}

ssize_t LoopbackConnection::WriteReply(LoopbackDevice& device, const abi::OutHeader& header,
                                       std::span<const iovec> message) {
  const std::lock_guard lock(mutex_);
  if (header.error <= -kMaxError || header.error > 0) {
    return -EINVAL;
  }
  if (Chance(faults_.reply_failures)) {
    return -ENOMEM;
  }
  const bool to_interrupt = (header.unique & abi::kUniqueInterrupt) != 0;
  const std::uint64_t unique = header.unique & ~abi::kUniqueInterrupt;
  LoopbackCall* call = connected_ ? device.Bucket(unique).front() : nullptr;
  // A raw request has any number; a made-up odd one is no interrupt.
  while (call != nullptr && call->unique != unique &&
         !(call->raw && call->unique == header.unique)) {
    call = call->next;
  }
  if (call == nullptr) {
    return -ENOENT;
  }
  if (to_interrupt && call->unique != header.unique) {
    return AnswerInterrupt(*call, header);
  }
  device.Bucket(unique).Remove(*call);
  const IoVec body = Whole(message).From(sizeof header);
  bool good =
      body.size <= call->out.size() && (call->variable_reply || body.size == call->out.size());
  good = header.error != 0 ? body.size == 0 : good || call->raw;
  if (!good) {
    End(*call, -EIO);
    return -EINVAL;
  }
  ++counts_.replies;
  if (!call->raw) {
    body.CopyTo(call->out.data());
    call->out_size = body.size;
  }
  End(*call, header.error);
  return header.length;
}

ssize_t LoopbackConnection::AnswerInterrupt(LoopbackCall& call, const abi::OutHeader& header) {
  if (header.length != sizeof header) {
    return -EINVAL;
  }
  if (header.error == -ENOSYS) {
    no_interrupt_ = true;
  } else if (header.error == -EAGAIN) {
    if (!call.interrupted) {
      return -EINVAL;
    }
    QueueInterrupt(call);
  }
  return header.length;
}

ssize_t LoopbackConnection::Notify(const abi::OutHeader& header, std::span<const iovec> message) {
  LoopbackNotification notification;
  notification.code = static_cast<abi::NotifyCode>(header.error);
  notification.args = BodyOf(message);
  std::int32_t result = CheckNotification(notification.code, notification.args);
  if (result != 0) {
    return result;
  }
  NotifyFunction fn;
  {
    const std::lock_guard lock(mutex_);
    if (!connected_) {
      return -ENOENT;
    }
    fn = on_notify_;
    if (notification.code == abi::NotifyCode::kResend) {
      ResendAll();
    }
  }
  // Without the lock: like the kernel it may wait for what only the server can do.
  result = fn ? fn(notification) : 0;
  const std::lock_guard lock(mutex_);
  if (notifications_.size() >= kMaxNotifications) {
    notifications_.pop_front();
  }
  notifications_.push_back(std::move(notification));
  return result != 0 ? result : static_cast<ssize_t>(header.length);
}

// What was read and not answered is queued again, first, under a new number.
void LoopbackConnection::ResendAll() {
  Fifo<LoopbackCall> again;
  for (LoopbackDevice* const device : devices_) {
    device->ForEachBucket([&again](Fifo<LoopbackCall>& bucket) { again.Splice(bucket); });
  }
  for (LoopbackCall* call = again.front(); call != nullptr; call = call->next) {
    call->sent = false;
    call->unique |= abi::kUniqueResend;
  }
  if (!again.empty()) {
    again.Splice(pending_);
    pending_.Splice(again);
    Signal();
  }
}

}  // namespace fusebay::fuse
