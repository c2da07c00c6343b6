// The io_uring engine: every operation is an entry of one ring per loop.
#include <fmt/core.h>
#include <liburing.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>

#include "base/fd.h"
#include "engines.h"
#include "worker_io.h"

namespace fusebay {

namespace {

constexpr unsigned kEntries = 256;
constexpr unsigned kCompletions = 4096;
constexpr Nanoseconds kRetryTime{1'000'000};
// What completes with these values is no op; no op lives at such an address.
constexpr std::uint64_t kIgnored = 0;
constexpr std::uint64_t kWakeUp = 1;

class UringEngine final : public WaitEngine {
 public:
  UringEngine(ReadyQueue& ready, WorkerPool& workers) : ready_(ready), workers_(workers) {}
  ~UringEngine() override {
    if (made_) {
      io_uring_queue_exit(&ring_);
    }
  }

  Result<Unit, Error> Init();

  std::string_view name() const override { return "io_uring"; }
  void Queue(IoOp& op) override;
  void Cancel(IoOp& op) override;
  void Submit() override;
  bool Wait(Nanoseconds timeout) override;
  bool Peek() override;
  void Wake() override;
  int fd() const override { return ring_.ring_fd; }

 private:
  io_uring_sqe* GetEntry();
  void QueueBacklog();
  void ListenForWakes();
  void Sleep(Nanoseconds timeout);
  bool Reap();

  ReadyQueue& ready_;
  WorkerIo workers_;
  io_uring ring_{};
  bool made_ = false;
  UniqueFd wake_fd_;
  std::uint64_t wake_count_ = 0;  // where the ring reads wake_fd_ to
  bool listening_ = false;        // such a read is in the ring
  std::atomic<bool> wake_sent_{false};
  ReadyQueue backlog_;  // ops the kernel had no room for
};

int MakeRing(io_uring& ring, unsigned flags) {
  io_uring_params params{};
  params.flags = flags | IORING_SETUP_CQSIZE;
  params.cq_entries = kCompletions;
  const int status = io_uring_queue_init_params(kEntries, &ring, &params);
  // A child that shares the ring's memory would keep what waits in it, and its files, beyond our
  // end.
  return status < 0 ? status : io_uring_ring_dontfork(&ring);
}

Result<Unit, Error> UringEngine::Init() {
  // Completions wait for the loop's next system call instead of interrupting it, and a flag in the
  // ring tells that some wait. Not SINGLE_ISSUER: a loop may be made on one thread and run on
  // another.
  int status = MakeRing(ring_, IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG);
  if (status == -EINVAL) {
    status = MakeRing(ring_, 0);
  }
  if (status < 0) {
    return Error{Errno(-status),
                 fmt::format("io_uring: cannot make a ring: {}", std::strerror(-status))};
  }
  made_ = true;
  constexpr unsigned kNeeded = IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP | IORING_FEAT_RW_CUR_POS;
  if ((ring_.features & kNeeded) != kNeeded) {
    return Error{Errno(ENOSYS), "io_uring: this kernel's is too old (5.11 is needed)"};
  }
  wake_fd_ = UniqueFd(::eventfd(0, EFD_CLOEXEC));
  if (!wake_fd_) {
    const int code = errno;
    return Error{Errno(code), fmt::format("io_uring: eventfd: {}", std::strerror(code))};
  }
  return Unit{};
}

// Returns null only when the kernel takes no more at the moment.
io_uring_sqe* UringEngine::GetEntry() {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  if (entry == nullptr) {
    io_uring_submit(&ring_);
    entry = io_uring_get_sqe(&ring_);
  }
  return entry;
}

void PrepareTransfer(io_uring_sqe& entry, const IoOp& op) {
  const bool read = op.kind == IoOp::Kind::kRead;
  const auto count = static_cast<unsigned>(op.iov.size());
  if (count == 1) {
    iovec piece = op.iov[0];
    const auto size = static_cast<unsigned>(std::min<std::size_t>(piece.iov_len, INT_MAX));
    if (read) {
      io_uring_prep_read(&entry, op.fd, piece.iov_base, size, op.offset);
    } else {
      io_uring_prep_write(&entry, op.fd, piece.iov_base, size, op.offset);
    }
  } else if (read) {
    io_uring_prep_readv(&entry, op.fd, op.iov.data(), count, op.offset);
  } else {
    io_uring_prep_writev(&entry, op.fd, op.iov.data(), count, op.offset);
  }
  entry.rw_flags = static_cast<int>(op.flags);
}

void Prepare(io_uring_sqe& entry, IoOp& op) {
  switch (op.kind) {
    case IoOp::Kind::kRead:
    case IoOp::Kind::kWrite:
      PrepareTransfer(entry, op);
      break;
    case IoOp::Kind::kDatasync:
      io_uring_prep_fsync(&entry, op.fd, IORING_FSYNC_DATASYNC);
      break;
    case IoOp::Kind::kFallocate:
      io_uring_prep_rw(IORING_OP_FALLOCATE, &entry, op.fd, nullptr, op.flags, op.offset);
      entry.addr = op.length;
      break;
    case IoOp::Kind::kPoll:
      io_uring_prep_poll_add(&entry, op.fd, op.flags);
      break;
    case IoOp::Kind::kCall:
      FB_ASSERT(false);
  }
  io_uring_sqe_set_data(&entry, &op);
}

void UringEngine::Queue(IoOp& op) {
  if (op.kind == IoOp::Kind::kCall) {
    workers_.Queue(op);
    return;
  }
  io_uring_sqe* const entry = backlog_.empty() ? GetEntry() : nullptr;
  if (entry == nullptr) {
    backlog_.Push(op);
    return;
  }
  Prepare(*entry, op);
}

void UringEngine::QueueBacklog() {
  while (!backlog_.empty()) {
    io_uring_sqe* const entry = GetEntry();
    if (entry == nullptr) {
      return;
    }
    Prepare(*entry, static_cast<IoOp&>(*backlog_.Pop()));
  }
}

void UringEngine::Cancel(IoOp& op) {
  if (op.kind == IoOp::Kind::kCall) {
    workers_.Cancel(op);
    return;
  }
  if (backlog_.Remove(op)) {
    op.result = -ECANCELED;
    ready_.Push(op);
    return;
  }
  io_uring_sqe* const entry = GetEntry();
  if (entry != nullptr) {  // else the kernel is out of memory, and op ends when it ends
    io_uring_prep_cancel(entry, &op, 0);
    entry->user_data = kIgnored;
  }
}

void UringEngine::ListenForWakes() {
  if (listening_) {
    return;
  }
  io_uring_sqe* const entry = GetEntry();
  if (entry == nullptr) {
    return;
  }
  io_uring_prep_read(entry, wake_fd_.get(), &wake_count_, sizeof wake_count_, 0);
  entry->user_data = kWakeUp;
  listening_ = true;
}

void UringEngine::Submit() {
  QueueBacklog();
  ListenForWakes();
  if (io_uring_sq_ready(&ring_) != 0) {
    io_uring_submit(&ring_);
  }
}

void UringEngine::Sleep(Nanoseconds timeout) {
  if (timeout == Nanoseconds::max()) {
    io_uring_submit_and_wait(&ring_, 1);
    return;
  }
  __kernel_timespec time{};
  time.tv_sec = timeout.count() / 1'000'000'000;
  time.tv_nsec = timeout.count() % 1'000'000'000;
  io_uring_cqe* first = nullptr;
  io_uring_submit_and_wait_timeout(&ring_, &first, 1, &time, nullptr);
}

bool UringEngine::Wait(Nanoseconds timeout) {
  QueueBacklog();
  ListenForWakes();
  // Where the kernel takes no more for want of memory, look again soon.
  const bool refused = !listening_ || !backlog_.empty();
  timeout = refused ? std::min(timeout, kRetryTime) : timeout;
  if (timeout <= Nanoseconds::zero()) {
    if (io_uring_sq_ready(&ring_) != 0) {
      io_uring_submit(&ring_);
    }
  } else if (io_uring_cq_ready(&ring_) == 0) {
    Sleep(timeout);
  }
  return Reap();
}

bool UringEngine::Peek() {
  const unsigned flags = IO_URING_READ_ONCE(*ring_.sq.kflags);
  if (io_uring_cq_ready(&ring_) == 0 &&
      (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) == 0) {
    return false;
  }
  return Reap();
}

// Puts what has completed into the ready queue.
bool UringEngine::Reap() {
  bool any = false;
  const unsigned flags = IO_URING_READ_ONCE(*ring_.sq.kflags);
  if ((flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0) {
    io_uring_get_events(&ring_);
  }
  unsigned head = 0;
  unsigned count = 0;
  io_uring_cqe* entry = nullptr;
  io_uring_for_each_cqe(&ring_, head, entry) {
    ++count;
    if (entry->user_data == kIgnored) {
      continue;
    }
    if (entry->user_data == kWakeUp) {
      listening_ = false;
      wake_sent_.store(false);
      continue;
    }
    IoOp& op = *static_cast<IoOp*>(io_uring_cqe_get_data(entry));
    op.result = entry->res;
    ready_.Push(op);
    any = true;
  }
  io_uring_cq_advance(&ring_, count);
  return any;
}

void UringEngine::Wake() {
  if (wake_sent_.exchange(true)) {
    return;
  }
  const std::uint64_t one = 1;
  const ssize_t n = ::write(wake_fd_.get(), &one, sizeof one);
  FB_ASSERT(n == sizeof one);
}

}  // namespace

Result<std::unique_ptr<WaitEngine>, Error> MakeUringEngine(ReadyQueue& ready, WorkerPool& workers) {
  auto engine = std::make_unique<UringEngine>(ready, workers);
  FB_TRY(engine->Init());
  return std::unique_ptr<WaitEngine>(std::move(engine));
}

}  // namespace fusebay
