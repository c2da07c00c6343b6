// What `co_await loop.Read(...)` and its like wait with. Included by core/aio_context.h, which
// documents them; nobody names these types.
#pragma once
#include "core/aio_context.h"

namespace fusebay {

class AioContext::OpAwaiter {
 public:
  OpAwaiter(IoEngine& engine, IoOp::Kind kind, int fd) : engine_(engine), op_(kind, fd) {}
  OpAwaiter(IoEngine& engine, IoOp::Kind kind, int fd, std::uint64_t offset, const IoVec& data,
            std::uint32_t flags)
      : engine_(engine), op_(kind, fd) {
    op_.offset = offset;
    op_.flags = flags;
    op_.SetData(data);
  }
  OpAwaiter(IoEngine& engine, IoOp::Kind kind, int fd, std::uint64_t offset, std::uint64_t length,
            std::uint32_t flags)
      : engine_(engine), op_(kind, fd) {
    op_.offset = offset;
    op_.length = length;
    op_.flags = flags;
  }
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    op_.handle = handle;
    engine_.Queue(op_);
  }
  std::int32_t await_resume() const noexcept { return op_.result; }

 private:
  IoEngine& engine_;
  IoOp op_;
};

class AioContext::QueuedAwaiter {
 public:
  QueuedAwaiter(IoEngine& engine, IoOp& op) : engine_(engine), op_(op) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    op_.handle = handle;
    engine_.Queue(op_);
  }
  std::int32_t await_resume() const noexcept { return op_.result; }

 private:
  IoEngine& engine_;
  IoOp& op_;
};

class AioContext::YieldAwaiter : private Runnable {
 public:
  explicit YieldAwaiter(AioContext& loop) : loop_(loop) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) {
    handle = h;
    loop_.Schedule(*this);
  }
  void await_resume() const noexcept {}

 private:
  AioContext& loop_;
};

}  // namespace fusebay
