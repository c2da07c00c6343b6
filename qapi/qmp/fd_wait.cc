// Polls that can be cancelled; time is a timerfd, for a loop's own timers cannot.
#include "fd_wait.h"

#include <poll.h>
#include <sys/timerfd.h>

#include "base/fd.h"

namespace fusebay::qapi {

Task<bool> FdWait::For(int fd, std::uint32_t events) {
  FB_ASSERT(!op_.has_value());
  if (cancelled_) {
    co_return false;
  }
  op_.emplace(IoOp::Kind::kPoll, fd);
  op_->flags = events;
  co_await AioContext::Current().Await(*op_);
  op_.reset();
  co_return !cancelled_;
}

Task<bool> FdWait::Sleep(Nanoseconds time) {
  const UniqueFd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer) {
    // Out of descriptors: sleep all the same, deaf to Cancel.
    co_await AioContext::Current().SleepFor(time);
    co_return !cancelled_;
  }
  itimerspec when{};
  when.it_value.tv_sec = time.count() / 1'000'000'000;
  when.it_value.tv_nsec = time.count() % 1'000'000'000;
  FB_ASSERT(::timerfd_settime(timer.get(), 0, &when, nullptr) == 0);
  const bool slept = co_await For(timer.get(), POLLIN);
  co_return slept;
}

void FdWait::Cancel() {
  if (!cancelled_ && op_.has_value()) {
    AioContext::Current().Cancel(*op_);
  }
  cancelled_ = true;
}

}  // namespace fusebay::qapi
