// The client's side of a loopback session: queueing, back-pressure, INIT, interrupts and the end.
#include "fuse/transport/loopback_connection.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "fuse/transport/loopback_device.h"

namespace fusebay::fuse {

namespace {

// Requests that Linux sends without waiting for an answer.
bool HasNoReply(std::uint32_t opcode) {
  switch (static_cast<abi::Opcode>(opcode)) {
    case abi::Opcode::kForget:
    case abi::Opcode::kBatchForget:
    case abi::Opcode::kInterrupt:
    case abi::Opcode::kNotifyReply:
      return true;
    default:
      return false;
  }
}

}  // namespace

struct LoopbackConnection::RawCall : LoopbackCall {
  std::vector<std::byte> bytes;
};

LoopbackConnection::LoopbackConnection(const LoopbackOptions& options, const LoopbackFaults& faults)
    : options_(options),
      faults_(faults),
      ready_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      random_(faults.seed) {
  FB_ASSERT(ready_.valid());
}

LoopbackConnection::~LoopbackConnection() {
  const std::lock_guard lock(mutex_);
  FB_ASSERT(devices_.empty());
  AbortLocked(false);
}

bool LoopbackConnection::Chance(std::uint32_t per_mille) {
  if (per_mille == 0) {
    return false;
  }
  random_ += 0x9e3779b97f4a7c15;  // SplitMix64
  std::uint64_t bits = random_;
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
  return (bits ^ (bits >> 31)) % 1000 < per_mille;
}

// Like Linux one wake-up per request, since each wakes one of those who poll (EPOLLEXCLUSIVE).
void LoopbackConnection::Signal() {
  signaled_ = true;
  ::eventfd_write(ready_.get(), 1);
}

void LoopbackConnection::Unsignal() {
  if (signaled_) {
    signaled_ = false;
    eventfd_t count = 0;
    ::eventfd_read(ready_.get(), &count);
  }
}

bool LoopbackConnection::Queue(LoopbackCall& call, std::coroutine_handle<> handle) {
  const std::lock_guard lock(mutex_);
  call.waiter.handle = handle;
  call.loop = &AioContext::Current();
  call.interrupt.call = &call;
  const bool is_init = call.opcode == static_cast<std::uint32_t>(abi::Opcode::kInit);
  if (!connected_ || settled_.refused) {
    call.error = connected_ ? -ECONNREFUSED : -ENOTCONN;
    return false;
  }
  if (!settled_.initialized && !is_init) {
    before_init_.Push(call);
  } else if (call.background && background_count_ >= settled_.max_background) {
    blocked_.Push(call);
  } else {
    Admit(call);
  }
  return true;
}

void LoopbackConnection::Admit(LoopbackCall& call) {
  call.unique = next_unique_;
  next_unique_ += 2;
  if (call.background) {
    ++background_count_;
    background_.Push(call);
    FlushBackground();
  } else {
    pending_.Push(call);
    Signal();
  }
}

void LoopbackConnection::FlushBackground() {
  while (background_active_ < settled_.max_background) {
    LoopbackCall* const call = background_.Pop();
    if (call == nullptr) {
      return;
    }
    ++background_active_;
    pending_.Push(*call);
    Signal();
  }
}

void LoopbackConnection::EndBackground() {
  FB_ASSERT(background_count_ > 0 && background_active_ > 0);
  --background_count_;
  --background_active_;
  FlushBackground();
  while (background_count_ < settled_.max_background) {
    LoopbackCall* const call = blocked_.Pop();
    if (call == nullptr) {
      return;
    }
    Admit(*call);
  }
}

void LoopbackConnection::Inject(ByteSpan request) {
  const std::lock_guard lock(mutex_);
  if (!connected_) {
    return;
  }
  auto* const call = new RawCall();  // owned by the queues; Finish deletes it
  call->bytes.assign(request.begin(), request.end());
  call->in[0] = call->bytes;
  call->raw = true;
  call->interrupt.call = call;
  if (request.size() >= sizeof(abi::InHeader)) {
    abi::InHeader header;
    std::memcpy(&header, request.data(), sizeof header);
    call->unique = header.unique;
    call->opcode = header.opcode;
  }
  call->no_reply = request.size() < sizeof(abi::InHeader) || HasNoReply(call->opcode);
  pending_.Push(*call);
  Signal();
}

void LoopbackConnection::Forget(std::uint64_t nodeid, std::uint64_t lookups) {
  const std::lock_guard lock(mutex_);
  if (connected_ && forgets_.size() < LoopbackKernel::kMaxForgets) {
    forgets_.push_back({nodeid, lookups});
    Signal();
  }
}

LoopbackCall* LoopbackConnection::FindCall(std::uint64_t unique) {
  LoopbackCall* found = nullptr;
  const auto look = [&found, unique](const Fifo<LoopbackCall>& calls) {
    for (LoopbackCall* call = calls.front(); call != nullptr; call = call->next) {
      found = call->unique == unique ? call : found;
    }
  };
  look(pending_);
  look(background_);
  for (LoopbackDevice* const device : devices_) {
    look(device->Bucket(unique));
  }
  return found;
}

void LoopbackConnection::Interrupt(std::uint64_t unique, bool fatal) {
  const std::lock_guard lock(mutex_);
  LoopbackCall* const call = FindCall(unique);
  if (call == nullptr) {
    return;
  }
  if (fatal && !call->sent) {
    if (pending_.Remove(*call)) {
      End(*call, -EINTR);
    } else if (background_.Remove(*call)) {
      ++background_active_;  // End takes it off again
      End(*call, -EINTR);
    }
    return;
  }
  call->interrupted = true;
  if (call->sent) {
    QueueInterrupt(*call);
  }
}

void LoopbackConnection::QueueInterrupt(LoopbackCall& call) {
  if (no_interrupt_ || call.interrupt_queued) {
    return;
  }
  call.interrupt_queued = true;
  interrupts_.Push(call.interrupt);
  Signal();
}

// REQUIRES: call is in no queue but the one of interrupts.
void LoopbackConnection::End(LoopbackCall& call, std::int32_t error) {
  if (call.background) {
    EndBackground();
  }
  Finish(call, error);
}

void LoopbackConnection::Finish(LoopbackCall& call, std::int32_t error) {
  if (call.interrupt_queued) {
    interrupts_.Remove(call.interrupt);
    call.interrupt_queued = false;
  }
  call.error = error;
  call.sent = false;
  if (call.raw) {
    delete static_cast<RawCall*>(&call);
    return;
  }
  if (call.opcode == static_cast<std::uint32_t>(abi::Opcode::kInit)) {
    Settle(call);
  }
  if (AioContext::CurrentOrNull() == call.loop) {
    call.loop->Schedule(call.waiter);
  } else {
    call.loop->ScheduleFrom(call.waiter);  // call may be gone after this
  }
}

void LoopbackConnection::EndAll(Fifo<LoopbackCall>& calls, std::int32_t error) {
  while (LoopbackCall* const call = calls.Pop()) {
    Finish(*call, error);
  }
}

void LoopbackConnection::Abort(bool by_user) {
  const std::lock_guard lock(mutex_);
  AbortLocked(by_user);
}

void LoopbackConnection::AbortLocked(bool by_user) {
  if (!connected_) {
    return;
  }
  connected_ = false;
  aborted_by_user_ = by_user && (settled_.flags & abi::kInitAbortError) != 0;
  forgets_.clear();
  EndAll(pending_, -ECONNABORTED);
  EndAll(background_, -ECONNABORTED);
  for (LoopbackDevice* const device : devices_) {
    device->ForEachBucket([this](Fifo<LoopbackCall>& bucket) { EndAll(bucket, -ECONNABORTED); });
  }
  EndAll(before_init_, -ENOTCONN);
  EndAll(blocked_, -ENOTCONN);
  FB_ASSERT(interrupts_.empty());
  Signal();  // for good: whoever reads now learns that it is over
}

// What the kernel takes from the reply to INIT.
void LoopbackConnection::Settle(const LoopbackCall& init) {
  if (!connected_) {
    return;
  }
  abi::InitIn request{};
  std::memcpy(&request, init.in[0].data(), std::min(init.in[0].size(), sizeof request));
  abi::InitOut reply{};
  std::memcpy(&reply, init.out.data(), std::min(init.out_size, sizeof reply));
  const bool answered = init.error == 0 && init.out_size >= abi::kInitOutVersionBytes;
  if (answered && request.major > abi::kMajor && reply.major == abi::kMajor) {
    return;  // the client begins again, with the server's version
  }
  const bool whole = reply.minor < 5 || init.out_size >= abi::kInitOutShortBytes;
  settled_.refused = !answered || reply.major != abi::kMajor || !whole;
  settled_.initialized = true;
  if (!settled_.refused) {
    SettleLimits(reply);
  }
  LetIn();
}

void LoopbackConnection::SettleLimits(const abi::InitOut& reply) {
  settled_.minor = reply.minor;
  settled_.max_write = std::max<std::uint32_t>(4096, reply.minor < 5 ? 4096 : reply.max_write);
  if (reply.minor >= 6) {
    settled_.max_readahead = std::min(reply.max_readahead, options_.max_readahead);
    settled_.flags = reply.flags;
    if ((reply.flags & abi::kInitExt) != 0) {
      settled_.flags |= static_cast<std::uint64_t>(reply.flags2) << 32;
    }
    settled_.flags &= options_.flags;
  }
  if (reply.minor >= 13) {
    const std::uint16_t most = options_.privileged ? UINT16_MAX : options_.max_user_background;
    if (reply.max_background != 0) {
      settled_.max_background = std::min(reply.max_background, most);
    }
    if (reply.congestion_threshold != 0) {
      settled_.congestion_threshold = std::min(reply.congestion_threshold, most);
    }
  }
  if ((settled_.flags & abi::kInitMaxPages) != 0) {
    settled_.max_pages =
        std::min(options_.max_pages_limit, std::max<std::uint16_t>(reply.max_pages, 1));
  }
}

void LoopbackConnection::LetIn() {
  Fifo<LoopbackCall> waiting;
  waiting.Splice(before_init_);
  while (LoopbackCall* const call = waiting.Pop()) {
    if (settled_.refused) {
      Finish(*call, -ECONNREFUSED);
    } else if (call->background && background_count_ >= settled_.max_background) {
      blocked_.Push(*call);
    } else {
      Admit(*call);
    }
  }
}

void LoopbackConnection::Add(LoopbackDevice& device) {
  const std::lock_guard lock(mutex_);
  devices_.push_back(&device);
}

void LoopbackConnection::Remove(LoopbackDevice& device) {
  const std::lock_guard lock(mutex_);
  device.ForEachBucket([this](Fifo<LoopbackCall>& bucket) {
    while (LoopbackCall* const call = bucket.Pop()) {
      End(*call, -ECONNABORTED);
    }
  });
  std::erase(devices_, &device);
  if (devices_.empty()) {
    AbortLocked(false);
  }
}

void LoopbackConnection::OnNotify(NotifyFunction fn) {
  const std::lock_guard lock(mutex_);
  on_notify_ = std::move(fn);
}

std::vector<LoopbackNotification> LoopbackConnection::notifications() const {
  const std::lock_guard lock(mutex_);
  return {notifications_.begin(), notifications_.end()};
}

LoopbackSettled LoopbackConnection::settled() const {
  const std::lock_guard lock(mutex_);
  return settled_;
}

LoopbackCounts LoopbackConnection::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

std::uint64_t LoopbackConnection::last_unique() const {
  const std::lock_guard lock(mutex_);
  return next_unique_ - 2;
}

bool LoopbackConnection::connected() const {
  const std::lock_guard lock(mutex_);
  return connected_;
}

bool LoopbackConnection::interrupts_disabled() const {
  const std::lock_guard lock(mutex_);
  return no_interrupt_;
}

}  // namespace fusebay::fuse
