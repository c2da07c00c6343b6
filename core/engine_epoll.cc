// The engine of a loop without io_uring: epoll for what is polled, workers for the rest.
#include <fmt/core.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/fd.h"
#include "engines.h"
#include "worker_io.h"

namespace fusebay {

namespace {

constexpr int kMaxEvents = 64;

// Bits of an op's flags that ask how to wait, not for what.
constexpr std::uint32_t kModeFlags = EPOLLEXCLUSIVE | EPOLLET | EPOLLONESHOT | EPOLLWAKEUP;

class EpollEngine final : public WaitEngine {
 public:
  EpollEngine(ReadyQueue& ready, WorkerPool& workers) : ready_(ready), workers_(workers) {}
  Result<Unit, Error> Init();

  std::string_view name() const override { return "epoll"; }
  void Queue(IoOp& op) override;
  void Cancel(IoOp& op) override;
  void Submit() override {}
  bool Wait(Nanoseconds timeout) override;
  // Workers complete ops through ScheduleFrom, which the loop sees by itself.
  bool Peek() override { return false; }
  void Wake() override;
  int fd() const override { return epoll_fd_.get(); }

 private:
  using Waiters = std::vector<IoOp*>;

  Waiters& WaitersOf(int fd);
  int Add(int fd, const Waiters& waiters);
  void Remove(int fd);
  void Finish(IoOp& op, std::int32_t result);
  bool Complete(int fd, std::uint32_t events);

  ReadyQueue& ready_;
  WorkerIo workers_;
  UniqueFd epoll_fd_;
  UniqueFd wake_fd_;
  std::vector<Waiters> waiters_;  // by fd; an fd is in the epoll set while somebody waits for it
  std::atomic<bool> wake_sent_{false};
};

Result<Unit, Error> EpollEngine::Init() {
  epoll_fd_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  wake_fd_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = wake_fd_.get();
  if (!epoll_fd_ || !wake_fd_ ||
      ::epoll_ctl(epoll_fd_.get(), EPOLL_CTL_ADD, wake_fd_.get(), &event) < 0) {
    const int code = errno;
    return Error{Errno(code), fmt::format("epoll: {}", std::strerror(code))};
  }
  return Unit{};
}

EpollEngine::Waiters& EpollEngine::WaitersOf(int fd) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= waiters_.size()) {
    waiters_.resize(index + 1);
  }
  return waiters_[index];
}

// Asks for what all of them want; returns 0 or an errno.
int EpollEngine::Add(int fd, const Waiters& waiters) {
  epoll_event event{};
  event.data.fd = fd;
  bool exclusive = true;
  for (const IoOp* const op : waiters) {
    event.events |= op->flags & ~kModeFlags;
    exclusive = exclusive && (op->flags & EPOLLEXCLUSIVE) != 0;
  }
  if (exclusive) {
    event.events &= EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP;  // nothing else may be combined
    event.events |= EPOLLEXCLUSIVE;
  }
  return ::epoll_ctl(epoll_fd_.get(), EPOLL_CTL_ADD, fd, &event) < 0 ? errno : 0;
}

// The owner may have closed fd already, which has removed it, too.
void EpollEngine::Remove(int fd) { ::epoll_ctl(epoll_fd_.get(), EPOLL_CTL_DEL, fd, nullptr); }

void EpollEngine::Finish(IoOp& op, std::int32_t result) {
  op.result = result;
  ready_.Push(op);
}

void EpollEngine::Queue(IoOp& op) {
  if (op.kind != IoOp::Kind::kPoll) {
    workers_.Queue(op);
    return;
  }
  if (op.fd < 0) {
    Finish(op, -EBADF);
    return;
  }
  Waiters& waiters = WaitersOf(op.fd);
  if (!waiters.empty()) {
    Remove(op.fd);
  }
  waiters.push_back(&op);
  const int code = Add(op.fd, waiters);
  if (code == 0) {
    return;
  }
  // A regular file cannot be polled: it is always ready.
  const auto always = static_cast<std::int32_t>(op.flags & (EPOLLIN | EPOLLOUT));
  for (IoOp* const waiter : waiters) {
    Finish(*waiter, code == EPERM ? always : -code);
  }
  waiters.clear();
}

void EpollEngine::Cancel(IoOp& op) {
  if (op.kind != IoOp::Kind::kPoll) {
    workers_.Cancel(op);
    return;
  }
  if (op.fd < 0) {
    return;
  }
  Waiters& waiters = WaitersOf(op.fd);
  if (std::erase(waiters, &op) == 0) {
    return;
  }
  Finish(op, -ECANCELED);
  Remove(op.fd);
  if (!waiters.empty()) {
    Complete(op.fd, 0);
  }
}

// Ends the polls that `events` satisfy and goes on with the others. Returns whether any ended.
bool EpollEngine::Complete(int fd, std::uint32_t events) {
  Waiters& waiters = WaitersOf(fd);
  const std::size_t before = waiters.size();
  std::erase_if(waiters, [&](IoOp* op) {
    const std::uint32_t got = events & ((op->flags & ~kModeFlags) | EPOLLERR | EPOLLHUP);
    if (got != 0) {
      Finish(*op, static_cast<std::int32_t>(got));
    }
    return got != 0;
  });
  const std::size_t ended = before - waiters.size();
  Remove(fd);
  const int code = waiters.empty() ? 0 : Add(fd, waiters);
  if (code != 0) {
    for (IoOp* const op : waiters) {
      Finish(*op, -code);
    }
    waiters.clear();
  }
  return ended != 0 || code != 0;
}

int EpollWait(int fd, std::array<epoll_event, kMaxEvents>& events, Nanoseconds timeout) {
  timespec time{};
  time.tv_sec = timeout.count() / 1'000'000'000;
  time.tv_nsec = timeout.count() % 1'000'000'000;
  const bool forever = timeout == Nanoseconds::max();
  const int n = ::epoll_pwait2(fd, events.data(), kMaxEvents, forever ? nullptr : &time, nullptr);
  if (n >= 0 || errno != ENOSYS) {
    return n;
  }
  const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
  const auto ms = static_cast<int>(std::min<std::int64_t>(rounded, 1'000'000));
  return ::epoll_wait(fd, events.data(), kMaxEvents, forever ? -1 : ms);
}

bool EpollEngine::Wait(Nanoseconds timeout) {
  std::array<epoll_event, kMaxEvents> events;
  const int n = EpollWait(epoll_fd_.get(), events, timeout);
  FB_ASSERT(n >= 0 || errno == EINTR);
  bool any = false;
  for (int i = 0; i < n; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.fd != wake_fd_.get()) {
      any |= Complete(event.data.fd, event.events);
      continue;
    }
    std::uint64_t count = 0;
    const ssize_t size = ::read(wake_fd_.get(), &count, sizeof count);
    FB_ASSERT(size == sizeof count || errno == EAGAIN);
    wake_sent_.store(false);
  }
  return any;
}

void EpollEngine::Wake() {
  if (wake_sent_.exchange(true)) {
    return;
  }
  const std::uint64_t one = 1;
  const ssize_t n = ::write(wake_fd_.get(), &one, sizeof one);
  FB_ASSERT(n == sizeof one);
}

}  // namespace

Result<std::unique_ptr<WaitEngine>, Error> MakeEpollEngine(ReadyQueue& ready, WorkerPool& workers) {
  auto engine = std::make_unique<EpollEngine>(ready, workers);
  FB_TRY(engine->Init());
  return std::unique_ptr<WaitEngine>(std::move(engine));
}

}  // namespace fusebay
