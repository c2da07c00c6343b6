// The waiting side of Gate.
#include "core/gate.h"

namespace fusebay {

namespace {

class QueueAwaiter : private Runnable {
 public:
  explicit QueueAwaiter(ReadyQueue& queue) : queue_(queue) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) {
    handle = h;
    queue_.Push(*this);
  }
  void await_resume() const noexcept {}

 private:
  ReadyQueue& queue_;
};

}  // namespace

Gate::~Gate() {
  FB_ASSERT(inside_ == 0);
  FB_ASSERT(waiting_.empty());
  FB_ASSERT(closers_.empty());
}

Task<Unit> Gate::Close() {
  ++closed_;
  if (inside_ != 0) {
    co_await QueueAwaiter(closers_);
  }
  FB_ASSERT(inside_ == 0);
  co_return Unit{};
}

void Gate::Open() {
  FB_ASSERT(closed_ > 0);
  --closed_;
  if (closed_ == 0) {
    LetIn();
  }
}

void Gate::Leave() {
  FB_ASSERT(inside_ > 0);
  --inside_;
  if (inside_ != 0) {
    return;
  }
  while (Runnable* const closer = closers_.Pop()) {
    AioContext::Current().Schedule(*closer);
  }
}

// Each waiter counts as inside from now on, although it runs a little later.
void Gate::LetIn() {
  while (Runnable* const waiter = waiting_.Pop()) {
    ++inside_;
    AioContext::Current().Schedule(*waiter);
  }
}

}  // namespace fusebay
