// The client's end of a session, without a kernel.
#include "fake_kernel.h"

#include <utility>

namespace fusebay::fuse::test {

FakeChannel::FakeChannel(AioContext& loop, std::size_t slots, std::size_t payload)
    : loop_(loop), memory_(slots) {
  for (std::size_t i = 0; i < slots; ++i) {
    slots_.push_back(std::make_unique<FuseSlot>());
    memory_[i].out.resize(payload);
    memory_[i].out_piece = {memory_[i].out.data(), payload};
    slots_[i]->payload_out = IoVec::Of(memory_[i].out_piece);
  }
}

FakeChannel::Memory& FakeChannel::MemoryOf(FuseSlot& slot) {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].get() == &slot) {
      return memory_[i];
    }
  }
  FB_ASSERT(false);
  return memory_[0];
}

void FakeChannel::Send(Message message) {
  if (waiting_.empty()) {
    queue_.push_back(std::move(message));
    return;
  }
  FuseSlot& slot = *waiting_.front();
  waiting_.pop_front();
  Deliver(slot, std::move(message));
  loop_.ScheduleFrom(MemoryOf(slot).waiter);
}

void FakeChannel::Deliver(FuseSlot& slot, Message message) {
  Memory& memory = MemoryOf(slot);
  memory.head = message.Head();
  memory.in = std::move(message.data);
  memory.in_piece = {memory.in.data(), memory.in.size()};
  slot.head = std::as_bytes(std::span(memory.head));
  slot.payload_in = IoVec::Of(memory.in_piece);
}

bool FakeChannel::Submit(FuseSlot& slot, std::coroutine_handle<> handle,
                         fusebay::Result<>& result) {
  Memory& memory = MemoryOf(slot);
  if (slot.has_reply) {
    std::string bytes(reinterpret_cast<const char*>(slot.out_args.data()), slot.out_args_size);
    bytes.append(memory.out, 0, slot.out_payload_size);
    CHECK(!HasReply(slot.unique));
    replies_[slot.unique] = {true, slot.out_error, std::move(bytes)};
    slot.has_reply = false;
  }
  slot.unique = 0;
  if (shut_down_) {
    result = Errno{ENODEV};
    return false;
  }
  if (!queue_.empty()) {
    Deliver(slot, std::move(queue_.front()));
    queue_.pop_front();
    return false;
  }
  memory.waiter.handle = handle;
  memory.result = &result;
  waiting_.push_back(&slot);
  return true;
}

fusebay::Result<> FakeChannel::Reply(std::uint64_t unique, std::int32_t error, ByteSpan args) {
  CHECK(AioContext::CurrentOrNull() == &loop_);
  CHECK(!HasReply(unique));
  ++parked_replies_;
  replies_[unique] = {true, error,
                      std::string(reinterpret_cast<const char*>(args.data()), args.size())};
  return Ok();
}

test::Reply FakeChannel::TakeReply(std::uint64_t unique) {
  auto node = replies_.extract(unique);
  return node.empty() ? test::Reply{} : std::move(node.mapped());
}

void FakeChannel::Shutdown() {
  shut_down_ = true;
  for (const std::unique_ptr<FuseSlot>& slot : slots_) {
    slot->cancel.Cancel();
  }
  for (FuseSlot* const slot : std::exchange(waiting_, {})) {
    Memory& memory = MemoryOf(*slot);
    *memory.result = Errno{ENODEV};
    loop_.ScheduleFrom(memory.waiter);
  }
}

FakeKernel::FakeKernel(const KernelSetup& setup) : setup_(setup) {
  server_ = std::make_unique<FuseServer>(fs, *this, setup.options, setup.hook);
  for (std::size_t i = 0; i < setup.channels; ++i) {
    AioContextOptions options;
    options.engine = EngineKind::kThreads;
    options.poll_max = Nanoseconds(0);
    auto loop = AioContext::Create(options, workers_);
    CHECK_OK(loop);
    loops_.push_back(std::move(*loop));
    channels_.push_back(std::make_unique<FakeChannel>(*loops_[i], setup.slots, setup.max_payload));
    scopes_.push_back(std::make_unique<TaskScope>());
    loops_[i]->Post([this, i] { scopes_[i]->Spawn(ServeAndCount(*channels_[i])); });
  }
  Run();
  if (setup.init) {
    CHECK(Init(setup.minor, setup.flags).came);
    fs.TakeLog();
  }
}

FakeKernel::~FakeKernel() { ShutDown(); }

Task<Unit> FakeKernel::ServeAndCount(FuseChannel& channel) {
  co_await server_->ServeChannel(channel);
  ++ended_;
  co_return Unit{};
}

void FakeKernel::Run() {
  for (bool ran = true; ran;) {
    ran = false;
    for (const std::unique_ptr<AioContext>& loop : loops_) {
      while (loop->RunOnce(false)) {
        ran = true;
      }
    }
  }
}

void FakeKernel::ShutDown() {
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    loops_[i]->Post([this, i] { channels_[i]->Shutdown(); });
  }
  Run();
}

std::uint64_t FakeKernel::Send(Message message, std::size_t channel_index) {
  if (message.header.unique == 0) {
    last_unique_ += 2;
    message.header.unique = last_unique_;
  }
  const std::uint64_t unique = message.header.unique;
  channel(channel_index).Send(std::move(message));
  Run();
  return unique;
}

Reply FakeKernel::Ask(Message message, std::size_t channel_index) {
  const std::uint64_t unique = Send(std::move(message), channel_index);
  return channel(channel_index).TakeReply(unique);
}

int FakeKernel::ErrorOf(Message message, std::size_t channel_index) {
  const Reply reply = Ask(std::move(message), channel_index);
  CHECK(reply.came);
  CHECK(reply.bytes.empty() || reply.error == 0);
  return -reply.error;
}

Reply FakeKernel::Init(std::uint32_t minor, std::uint64_t flags, std::uint32_t max_readahead) {
  const abi::InitIn in{.major = 7,
                       .minor = minor,
                       .max_readahead = max_readahead,
                       .flags = static_cast<std::uint32_t>(flags),
                       .flags2 = static_cast<std::uint32_t>(flags >> 32),
                       .unused = {}};
  std::size_t size = sizeof in;
  if (minor < 36) {
    size = minor < 6 ? abi::kInitInVersionBytes : abi::kInitInShortBytes;
  }
  return Ask(Message(abi::Opcode::kInit).Args(in, size));
}

Task<Result<Unit, Error>> FakeKernel::Start(std::span<AioContext* const>) {
  return Result<Unit, Error>(Unit{});
}

FuseNotifier& FakeKernel::notifier() {
  FB_ASSERT(false);  // the server sends no notifications
  std::abort();
}

}  // namespace fusebay::fuse::test
