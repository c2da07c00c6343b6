// I/O operations as system calls on worker threads.
#include "worker_io.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "core/aio_context.h"

namespace fusebay {

namespace {

// Calls until no signal interrupts; gives the value or -errno.
template <class F>
std::int32_t Call(F call) {
  for (;;) {
    const auto n = call();
    if (n >= 0) {
      return static_cast<std::int32_t>(n);
    }
    if (errno != EINTR) {
      return -errno;
    }
  }
}

std::int32_t Transfer(const IoOp& op) {
  const auto count = static_cast<int>(op.iov.size());
  const auto offset = static_cast<off_t>(op.offset);
  const auto flags = static_cast<int>(op.flags);
  if (op.kind == IoOp::Kind::kRead) {
    return Call([&] { return ::preadv2(op.fd, op.iov.data(), count, offset, flags); });
  }
  return Call([&] { return ::pwritev2(op.fd, op.iov.data(), count, offset, flags); });
}

void Perform(IoOp& op) {
  switch (op.kind) {
    case IoOp::Kind::kRead:
    case IoOp::Kind::kWrite:
      op.result = Transfer(op);
      return;
    case IoOp::Kind::kDatasync:
      op.result = Call([&] { return ::fdatasync(op.fd); });
      return;
    case IoOp::Kind::kFallocate:
      op.result = Call([&] {
        return ::fallocate(op.fd, static_cast<int>(op.flags), static_cast<off_t>(op.offset),
                           static_cast<off_t>(op.length));
      });
      return;
    case IoOp::Kind::kCall:
      op.call(op);
      return;
    case IoOp::Kind::kPoll:
      break;
  }
  FB_ASSERT(false);
}

void RunJob(WorkerJob& job) {
  IoOp& op = *static_cast<IoOp::EngineData&>(job).op;
  AioContext& loop = *static_cast<AioContext*>(op.engine_data.owner);
  Perform(op);
  loop.ScheduleFrom(op);  // the op may be gone after this
}

}  // namespace

void WorkerIo::Queue(IoOp& op) {
  FB_ASSERT(op.kind != IoOp::Kind::kPoll);
  op.engine_data.op = &op;
  op.engine_data.owner = &AioContext::Current();
  op.engine_data.run = &RunJob;
  workers_.Submit(op.engine_data);
}

void WorkerIo::Cancel(IoOp& op) {
  if (workers_.Withdraw(op.engine_data)) {
    op.result = -ECANCELED;
    AioContext::Current().Schedule(op);
  }
}

}  // namespace fusebay
