// The client's end of a session, without a kernel: channels whose requests are written by hand.
//
//   FakeKernel kernel;                            // INIT is done
//   const Reply reply = kernel.Ask(Message(Opcode::kLookup).Name("a"));
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/scope.h"
#include "fuse/server.h"
#include "message.h"
#include "scripted_fs.h"

namespace fusebay::fuse::test {

class FakeChannel final : public FuseChannel {
 public:
  FakeChannel(AioContext& loop, std::size_t slots, std::size_t payload);

  void Send(Message message);
  bool HasReply(std::uint64_t unique) const { return replies_.contains(unique); }
  test::Reply TakeReply(std::uint64_t unique);  // `came` is false when there is none
  std::size_t free_slots() const { return waiting_.size(); }
  std::size_t parked_replies() const { return parked_replies_; }

  std::span<const std::unique_ptr<FuseSlot>> slots() override { return slots_; }
  AioContext& loop() override { return loop_; }
  fusebay::Result<> Reply(std::uint64_t unique, std::int32_t error, ByteSpan args) override;
  void Shutdown() override;

 private:
  struct Memory {
    std::string head;
    std::string in;
    std::string out;
    iovec in_piece{};
    iovec out_piece{};
    Runnable waiter;
    fusebay::Result<>* result = nullptr;
  };
  bool Submit(FuseSlot& slot, std::coroutine_handle<> handle, fusebay::Result<>& result) override;
  void Deliver(FuseSlot& slot, Message message);
  Memory& MemoryOf(FuseSlot& slot);

  AioContext& loop_;
  std::vector<std::unique_ptr<FuseSlot>> slots_;
  std::vector<Memory> memory_;
  std::deque<FuseSlot*> waiting_;
  std::deque<Message> queue_;
  std::map<std::uint64_t, test::Reply> replies_;
  std::size_t parked_replies_ = 0;
  bool shut_down_ = false;
};

struct KernelSetup {
  std::uint32_t minor = abi::kMinor;
  std::uint64_t flags = ~abi::kInitReserved;  // offered at INIT
  bool init = true;
  std::size_t slots = 4;
  std::size_t channels = 1;
  std::uint32_t max_payload = 65536;
  ServerOptions options;
  ServerHook* hook = nullptr;
};

class FakeKernel final : public FuseTransport {
 public:
  explicit FakeKernel(const KernelSetup& setup = {});
  ~FakeKernel() override;  // ends the session

  // Sends a request through a channel and returns the reply, or none when everything is idle
  // without one. A unique of 0 is replaced by the next one.
  Reply Ask(Message message, std::size_t channel = 0);
  // The errno of the reply. REQUIRES: there is one.
  int ErrorOf(Message message, std::size_t channel = 0);
  // Sends without waiting; returns its unique.
  std::uint64_t Send(Message message, std::size_t channel = 0);
  void Run();  // until everything is idle
  Reply Init(std::uint32_t minor, std::uint64_t flags = ~abi::kInitReserved,
             std::uint32_t max_readahead = 1 << 20);
  void ShutDown();  // and waits until every ServeChannel has returned
  bool ended() const { return ended_ == channels_.size(); }

  FakeChannel& channel(std::size_t index = 0) {
    return static_cast<FakeChannel&>(*channels_[index]);
  }
  std::optional<Negotiated> negotiated;
  ScriptedFs fs;

  Task<Result<Unit, Error>> Start(std::span<AioContext* const>) override;
  std::span<const std::unique_ptr<FuseChannel>> channels() override { return channels_; }
  FuseNotifier& notifier() override;
  std::uint32_t max_payload() const override { return setup_.max_payload; }
  void OnInit(const Negotiated& settled) override { negotiated = settled; }
  Task<Unit> Stop() override { return Unit{}; }
  FuseServer& server() { return *server_; }

 private:
  Task<Unit> ServeAndCount(FuseChannel& channel);

  const KernelSetup setup_;
  WorkerPool workers_{1};
  std::vector<std::unique_ptr<AioContext>> loops_;
  std::vector<std::unique_ptr<FuseChannel>> channels_;
  std::vector<std::unique_ptr<TaskScope>> scopes_;
  std::unique_ptr<FuseServer> server_;
  std::uint64_t last_unique_ = 0;
  std::size_t ended_ = 0;
};

}  // namespace fusebay::fuse::test
