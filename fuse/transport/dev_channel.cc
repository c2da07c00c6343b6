// Moves requests from a FuseDevice into slots and replies back.
#include "fuse/transport/dev_channel.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "fuse/abi.h"

namespace fusebay::fuse {

namespace {

// What a channel reads in one turn of its loop, where a request counts as one plus its data in
// units of 64 KiB: so that I/O completions, timers and other channels get their turn in time.
constexpr std::int64_t kTurnBudget = 64;
constexpr std::size_t kBudgetUnit = 65536;
// Reads that were to be tried again at once, before the loop gets its turn.
constexpr int kMaxRetries = 16;

DevSlot& AsDevSlot(FuseSlot& slot) { return static_cast<DevSlot&>(slot); }

}  // namespace

Result<std::unique_ptr<DevChannel>, Error> DevChannel::Create(AioContext& loop, DevSession& session,
                                                              std::unique_ptr<FuseDevice> device,
                                                              std::size_t slot_count,
                                                              std::size_t max_payload) {
  std::unique_ptr<DevChannel> channel(new DevChannel(loop, session, std::move(device)));
  const Result<> allocated = channel->memory_.Allocate(slot_count, max_payload);
  if (!allocated.ok() || !channel->idle_timer_) {
    const int code = allocated.ok() ? errno : allocated.error().value();
    return Error{Errno(code), fmt::format("Failed to set up FUSE session: cannot make a channel "
                                          "with {} slots: {}",
                                          slot_count, std::strerror(code))};
  }
  for (std::size_t i = 0; i < slot_count; ++i) {
    auto slot = std::make_unique<DevSlot>();
    slot->payload = channel->memory_.payload(i);
    channel->slots_.push_back(std::move(slot));
  }
  return channel;
}

DevChannel::DevChannel(AioContext& loop, DevSession& session, std::unique_ptr<FuseDevice> device)
    : loop_(loop),
      session_(session),
      device_(std::move(device)),
      poll_op_(IoOp::Kind::kPoll, device_->poll_fd()),
      idle_timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
      timer_op_(IoOp::Kind::kPoll, idle_timer_.get()) {
  poll_op_.flags = POLLIN | EPOLLEXCLUSIVE;
  timer_op_.flags = POLLIN;
}

DevChannel::~DevChannel() {
  FB_ASSERT(!opened_);
  FB_ASSERT(serving_ == 0);
  FB_ASSERT(free_ == nullptr);
}

// A coroutine although it never waits, so that it runs where it is awaited: on its own loop.
Task<Unit> DevChannel::Open() {
  FB_ASSERT(AioContext::CurrentOrNull() == &loop_);
  FB_ASSERT(!opened_);
  opened_ = true;
  loop_.AddBusyPoller(*this);
  scope_.Spawn(Pump());
  scope_.Spawn(TrimWhenIdle());
  co_return Unit{};
}

Task<Unit> DevChannel::Close() {
  FB_ASSERT(AioContext::CurrentOrNull() == &loop_);
  Shutdown();
  while (serving_ != 0) {
    all_returned_.Reset();
    co_await all_returned_.Wait();
  }
  co_await scope_.Join();
  // Whoever waited in Exchange has been scheduled before this.
  co_await loop_.Yield();
  loop_.RemoveBusyPoller(*this);
  device_.reset();
  opened_ = false;
  co_return Unit{};
}

void DevChannel::Shutdown() {
  if (ended_.exchange(true)) {
    return;
  }
  while (DevSlot* const slot = PopFree()) {
    slot->state = DevSlot::State::kIdle;
    *slot->result = Errno(ENODEV);
    loop_.Schedule(slot->waiter);
  }
  for (const std::unique_ptr<FuseSlot>& slot : slots_) {
    slot->cancel.Cancel();
  }
  if (polling_) {
    loop_.Cancel(poll_op_);
  }
  if (timer_waits_) {
    loop_.Cancel(timer_op_);
  }
  slot_free_.Set();
}

bool DevChannel::Submit(FuseSlot& fuse_slot, std::coroutine_handle<> handle, Result<>& result) {
  DevSlot& slot = AsDevSlot(fuse_slot);
  FB_ASSERT(slot.state != DevSlot::State::kWaiting);
  if (slot.state == DevSlot::State::kServing) {
    FinishRequest(slot);
  }
  slot.result = &result;
  if (ended()) {
    result = Errno(ENODEV);
    return false;
  }
  if (opened_ && MayReadNow()) {
    const ReadResult read = ReadInto(slot);
    if (read == ReadResult::kEnded) {
      result = Errno(ENODEV);
    }
    if (read != ReadResult::kEmpty) {
      return false;
    }
  }
  slot.waiter.handle = handle;
  PushFree(slot);
  return true;
}

void DevChannel::FinishRequest(DevSlot& slot) {
  slot.state = DevSlot::State::kIdle;
  FB_ASSERT(serving_ > 0);
  --serving_;
  if (slot.has_reply) {
    FB_ASSERT(slot.out_args_size <= slot.out_args.size());
    FB_ASSERT(slot.out_payload_size <= slot.out_piece.iov_len);
    const iovec args{slot.out_args.data(), slot.out_args_size};
    const iovec payload{slot.out_piece.iov_base, slot.out_payload_size};
    budget_ -= static_cast<std::int64_t>(slot.out_payload_size / kBudgetUnit);
    const Result<> sent = SendReply(slot.unique, slot.out_error, args, payload);
    static_cast<void>(sent);  // it is logged, and the next read tells when the session is over
    slot.has_reply = false;
  }
  slot.unique = 0;
  if (serving_ == 0 && ended()) {
    all_returned_.Set();
  }
}

Result<> DevChannel::Reply(std::uint64_t unique, std::int32_t error, ByteSpan args) {
  const iovec piece{const_cast<std::byte*>(args.data()), args.size()};
  return SendReply(unique, error, piece, iovec{});
}

// One writev. The kernel wants an error without data and goes on waiting after a reply that it
// refused, so that one is answered with a plain EIO.
Result<> DevChannel::SendReply(std::uint64_t unique, std::int32_t error, const iovec& args,
                               const iovec& payload) {
  if (device_ == nullptr) {
    return Errno(ENODEV);
  }
  abi::OutHeader header{};
  header.unique = unique;
  header.error = error;
  std::array<iovec, 3> pieces{iovec{&header, sizeof header}, args, payload};
  const std::size_t count = error != 0 ? 1 : payload.iov_len != 0 ? 3 : args.iov_len != 0 ? 2 : 1;
  const std::span<const iovec> message(pieces.data(), count);
  std::size_t length = 0;
  for (const iovec& piece : message) {
    length += piece.iov_len;
  }
  header.length = static_cast<std::uint32_t>(length);
  ssize_t n = device_->Write(message);
  for (int i = 0; n == -EINTR && i < kMaxRetries; ++i) {
    n = device_->Write(message);
  }
  if (n == static_cast<ssize_t>(length) || n == -ENOENT) {
    return Ok();
  }
  if (n == -ENODEV) {
    return Errno(ENODEV);
  }
  const int code = n < 0 ? static_cast<int>(-n) : EIO;
  if (reply_limit_.Allow()) {
    LogWarning(fmt::format("FUSE: the reply to request {} (error {}, {} bytes) was refused: {}",
                           unique, error, length, std::strerror(code)));
  }
  // Insists: whoever waits for the reply would wait for ever.
  header.length = sizeof header;
  header.error = -EIO;
  n = -1;
  for (int i = 0; n < 0 && n != -ENOENT && n != -ENODEV && i < kMaxRetries; ++i) {
    n = device_->Write(message.first(1));
  }
  return Errno(code);
}

bool DevChannel::MayReadNow() {
  const std::uint64_t turn = loop_.stats().turns;
  if (turn != turn_) {
    turn_ = turn;
    budget_ = kTurnBudget;
  }
  return budget_ > 0;
}

DevChannel::ReadResult DevChannel::ReadInto(DevSlot& slot) {
  std::byte* const start = slot.payload - SlotMemory::kHeadRoom;
  for (int i = 0; i < kMaxRetries; ++i) {
    const ssize_t n = device_->Read(start, memory_.read_size());
    if (n >= static_cast<ssize_t>(sizeof(abi::InHeader))) {
      Accept(slot, static_cast<std::size_t>(n));
      return ReadResult::kRequest;
    }
    if (n == -EAGAIN) {
      return ReadResult::kEmpty;
    }
    if (n == -ENODEV || n == -ECONNABORTED) {
      Shutdown();
      return ReadResult::kEnded;
    }
    if (n == -EINTR || n == -ENOENT) {
      continue;
    }
    if (n >= 0) {
      if (read_limit_.Allow()) {
        LogWarning(fmt::format("FUSE: a request of {} bytes has no room for its header", n));
      }
      continue;
    }
    LogError(fmt::format("FUSE: reading requests failed, the session ends: {}",
                         std::strerror(static_cast<int>(-n))));
    Shutdown();
    return ReadResult::kEnded;
  }
  return ReadResult::kEmpty;  // the descriptor is still readable: the pump comes back to it
}

void DevChannel::Accept(DevSlot& slot, std::size_t size) {
  SplitRequest(slot, size, memory_.max_payload(), session_.minor.load(std::memory_order_relaxed),
               session_.flags.load(std::memory_order_relaxed));
  abi::InHeader header;
  std::memcpy(&header, slot.head.data(), sizeof header);
  slot.state = DevSlot::State::kServing;
  slot.unique = header.unique;
  slot.has_reply = false;
  slot.out_error = 0;
  slot.out_args_size = 0;
  slot.out_payload_size = 0;
  slot.cancel.Reset();
  slot.touched = true;
  *slot.result = Ok();
  ++serving_;
  ++requests_;
  budget_ -= 1 + static_cast<std::int64_t>(size / kBudgetUnit);
  session_.last_served.store(this, std::memory_order_relaxed);
  if (!timer_armed_) {
    ArmIdleTimer();
  }
}

void DevChannel::PushFree(DevSlot& slot) {
  slot.state = DevSlot::State::kWaiting;
  slot.next_free = free_;
  free_ = &slot;
  if (!slot_free_.is_set()) {
    slot_free_.Set();
  }
}

DevSlot* DevChannel::PopFree() {
  DevSlot* const slot = free_;
  if (slot != nullptr) {
    free_ = slot->next_free;
    slot->next_free = nullptr;
    slot->state = DevSlot::State::kIdle;
  }
  return slot;
}

Task<Unit> DevChannel::Pump() {
  while (!ended()) {
    if (free_ == nullptr) {
      slot_free_.Reset();
      co_await slot_free_.Wait();
      continue;
    }
    if (!MayReadNow()) {
      co_await loop_.Yield();
      continue;
    }
    DevSlot& slot = *PopFree();
    const ReadResult read = ReadInto(slot);
    if (read == ReadResult::kEmpty) {
      PushFree(slot);
      co_await WaitForRequest();
      continue;
    }
    if (read == ReadResult::kEnded) {
      *slot.result = Errno(ENODEV);
    }
    slot.waiter.handle.resume();
  }
  co_return Unit{};
}

// Sleeps until the device may have a request, and ends the session when it never will.
Task<Unit> DevChannel::WaitForRequest() {
  polling_ = true;
  const std::int32_t events = co_await loop_.Await(poll_op_);
  polling_ = false;
  if (ended() || events == -ECANCELED) {
    co_return Unit{};
  }
  if (events < 0) {
    LogError(fmt::format("FUSE: polling the device failed, the session ends: {}",
                         std::strerror(-events)));
    Shutdown();
  } else if ((events & POLLIN) == 0 && (events & (POLLERR | POLLHUP | POLLNVAL)) != 0) {
    Shutdown();  // what an unmount looks like
  }
  co_return Unit{};
}

// Called by the loop before it sleeps.
bool DevChannel::Poll() {
  if (free_ == nullptr || ended() || session_.last_served.load(std::memory_order_relaxed) != this) {
    return false;
  }
  DevSlot& slot = *PopFree();
  const ReadResult read = ReadInto(slot);
  if (read == ReadResult::kEmpty) {
    PushFree(slot);
    return false;
  }
  if (read == ReadResult::kEnded) {
    *slot.result = Errno(ENODEV);
  }
  loop_.Schedule(slot.waiter);
  return true;
}

void DevChannel::ArmIdleTimer() {
  timer_armed_ = true;
  requests_when_armed_ = requests_;
  itimerspec time{};
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(kIdleTime);
  time.it_value.tv_sec = seconds.count();
  const int status = ::timerfd_settime(idle_timer_.get(), 0, &time, nullptr);
  FB_ASSERT(status == 0);
}

// A timer that can be cancelled, hence not the loop's.
Task<Unit> DevChannel::TrimWhenIdle() {
  while (!ended()) {
    timer_waits_ = true;
    const std::int32_t events = co_await loop_.Await(timer_op_);
    timer_waits_ = false;
    if (ended() || events < 0) {
      break;
    }
    std::uint64_t expirations = 0;
    if (::read(idle_timer_.get(), &expirations, sizeof expirations) != sizeof expirations) {
      continue;
    }
    timer_armed_ = false;
    if (requests_ != requests_when_armed_) {
      ArmIdleTimer();
    } else {
      Trim();
    }
  }
  co_return Unit{};
}

void DevChannel::Trim() {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    DevSlot& slot = AsDevSlot(*slots_[i]);
    if (!slot.touched) {
      continue;
    }
    if (slot.state == DevSlot::State::kServing) {
      ArmIdleTimer();  // its turn comes later
      continue;
    }
    memory_.Release(i);
    slot.touched = false;
  }
}

}  // namespace fusebay::fuse
