// The engine of aio=native: Linux AIO (libaio). Reads and writes only; it is meant for O_DIRECT,
// since otherwise io_submit may block. Everything else goes to the wait engine.
#include <fmt/core.h>
#include <libaio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/fd.h"
#include "engines.h"
#include "poll_pump.h"

namespace fusebay {

namespace {

constexpr std::size_t kDepth = 128;  // in the kernel at a time; more wait here

class AioEngine final : public IoEngine {
 public:
  AioEngine(ReadyQueue& ready, WaitEngine& wait, io_context_t context, UniqueFd event_fd)
      : ready_(ready),
        wait_(wait),
        context_(context),
        event_fd_(std::move(event_fd)),
        pump_(wait, event_fd_.get(), &Reap, this) {
    for (iocb& block : blocks_) {
      free_.push_back(&block);
    }
    prepared_.reserve(kDepth);
  }
  ~AioEngine() override { io_destroy(context_); }

  std::string_view name() const override { return "libaio"; }
  void Queue(IoOp& op) override;
  void Cancel(IoOp& op) override;
  void Submit() override;

 private:
  static void Reap(void* engine);
  void ReapAll();
  void Prepare();
  void Finish(iocb& block, std::int32_t result);

  ReadyQueue& ready_;
  WaitEngine& wait_;
  io_context_t context_;
  UniqueFd event_fd_;
  PollPump pump_;
  std::array<iocb, kDepth> blocks_{};
  std::vector<iocb*> free_;
  std::vector<iocb*> prepared_;  // to be submitted, in order
  ReadyQueue backlog_;           // ops without a block
};

bool IsTransfer(const IoOp& op) {
  return op.kind == IoOp::Kind::kRead || op.kind == IoOp::Kind::kWrite;
}

void AioEngine::Queue(IoOp& op) {
  if (!IsTransfer(op)) {
    wait_.Queue(op);
    return;
  }
  backlog_.Push(op);
}

// An operation that the kernel has begun ends by itself.
void AioEngine::Cancel(IoOp& op) {
  if (!IsTransfer(op)) {
    wait_.Cancel(op);
    return;
  }
  if (backlog_.Remove(op)) {
    op.result = -ECANCELED;
    ready_.Push(op);
  }
}

void AioEngine::Prepare() {
  while (!backlog_.empty() && !free_.empty()) {
    IoOp& op = static_cast<IoOp&>(*backlog_.Pop());
    iocb& block = *free_.back();
    free_.pop_back();
    const auto count = static_cast<int>(op.iov.size());
    const auto offset = static_cast<long long>(op.offset);
    if (op.kind == IoOp::Kind::kRead) {
      io_prep_preadv(&block, op.fd, op.iov.data(), count, offset);
    } else {
      io_prep_pwritev(&block, op.fd, op.iov.data(), count, offset);
    }
    block.aio_rw_flags = op.flags;
    block.data = &op;
    io_set_eventfd(&block, event_fd_.get());
    prepared_.push_back(&block);
  }
}

void AioEngine::Submit() {
  Prepare();
  std::size_t done = 0;
  while (done < prepared_.size()) {
    pump_.Start();
    const int n =
        io_submit(context_, static_cast<long>(prepared_.size() - done), prepared_.data() + done);
    if (n > 0) {
      done += static_cast<std::size_t>(n);
      continue;
    }
    const bool others_in_kernel = free_.size() + (prepared_.size() - done) < kDepth;
    if (n == -EAGAIN && others_in_kernel) {
      break;  // again when one of them ends
    }
    if (n == -EINTR) {
      continue;
    }
    Finish(*prepared_[done], n == 0 ? -EAGAIN : n);
    ++done;
  }
  prepared_.erase(prepared_.begin(), prepared_.begin() + static_cast<std::ptrdiff_t>(done));
}

void AioEngine::Finish(iocb& block, std::int32_t result) {
  IoOp& op = *static_cast<IoOp*>(block.data);
  op.result = result;
  ready_.Push(op);
  free_.push_back(&block);
}

void AioEngine::Reap(void* engine) { static_cast<AioEngine*>(engine)->ReapAll(); }

void AioEngine::ReapAll() {
  std::uint64_t count = 0;
  const ssize_t size = ::read(event_fd_.get(), &count, sizeof count);
  FB_ASSERT(size == sizeof count || errno == EAGAIN);
  std::array<io_event, 32> events;
  int n = 0;
  do {
    timespec none{};
    n = io_getevents(context_, 0, static_cast<long>(events.size()), events.data(), &none);
    for (int i = 0; i < n; ++i) {
      const io_event& event = events[static_cast<std::size_t>(i)];
      Finish(*event.obj, static_cast<std::int32_t>(event.res));
    }
  } while (n == static_cast<int>(events.size()));
}

}  // namespace

Result<std::unique_ptr<IoEngine>, Error> MakeAioEngine(ReadyQueue& ready, WaitEngine& wait) {
  UniqueFd event_fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event_fd) {
    const int code = errno;
    return Error{Errno(code), fmt::format("libaio: eventfd: {}", std::strerror(code))};
  }
  io_context_t context = nullptr;
  const int status = io_setup(static_cast<int>(kDepth), &context);
  if (status < 0) {
    return Error{Errno(-status), fmt::format("libaio: io_setup: {}", std::strerror(-status))};
  }
  return std::unique_ptr<IoEngine>(
      std::make_unique<AioEngine>(ready, wait, context, std::move(event_fd)));
}

}  // namespace fusebay
