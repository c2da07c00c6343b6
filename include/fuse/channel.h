// FuseChannel: requests from one client to one loop, and the replies to them.
//
// A coroutine per slot calls Exchange for ever; the channel decides which slot gets the next
// request. Everything here is called on the channel's loop, except Interrupt.
#pragma once
#include <coroutine>
#include <memory>
#include <span>

#include "base/result.h"
#include "core/aio_context.h"
#include "fuse/slot.h"

namespace fusebay::fuse {

class FuseChannel {
 public:
  class ExchangeAwaiter {
   public:
    ExchangeAwaiter(FuseChannel& channel, FuseSlot& slot) : channel_(channel), slot_(slot) {}
    bool await_ready() const noexcept { return false; }
    // May find the next request at once, and then does not suspend.
    bool await_suspend(std::coroutine_handle<> handle) {
      return channel_.Submit(slot_, handle, result_);
    }
    Result<> await_resume() const { return result_; }

   private:
    FuseChannel& channel_;
    FuseSlot& slot_;
    Result<> result_ = Ok();
  };

  virtual ~FuseChannel() = default;  // REQUIRES: no Exchange waits.

  // Sends the reply in slot, if it has one, and waits until slot holds the next request. Fails with
  // ENODEV once the session has ended (unmounted, aborted, Shutdown).
  ExchangeAwaiter Exchange(FuseSlot& slot) { return {*this, slot}; }
  virtual std::span<const std::unique_ptr<FuseSlot>> slots() = 0;
  virtual AioContext& loop() = 0;

  // Sends a reply that belongs to no slot any more (a parked request). REQUIRES: the request came
  // through this channel. ENOENT (the request was aborted) is no error for the caller to handle.
  virtual Result<> Reply(std::uint64_t unique, std::int32_t error, ByteSpan args) = 0;
  // Every Exchange, waiting or to come, fails with ENODEV, and every slot's token is cancelled.
  virtual void Shutdown() = 0;

 private:
  // Returns false if `result` is set now, else resumes `handle` on this loop later.
  virtual bool Submit(FuseSlot& slot, std::coroutine_handle<> handle, Result<>& result) = 0;
};

}  // namespace fusebay::fuse
