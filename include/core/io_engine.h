// IoEngine: a way to have the kernel do I/O. io_uring, libaio, worker threads, or a simulation.
//
// An AioContext waits in one engine (a WaitEngine) and may own more that only do I/O, so that each
// file chooses its own (aio=threads|native|io_uring). An engine belongs to one loop; except Wake,
// nothing here may be called from another thread.
#pragma once
#include <array>
#include <coroutine>
#include <cstdint>
#include <string_view>

#include "base/iovec.h"
#include "base/list.h"
#include "core/clock.h"
#include "core/worker_pool.h"

namespace fusebay {

// Something a loop can resume. Lives in the frame of the coroutine that waits, so that scheduling
// never allocates.
struct Runnable {
  std::coroutine_handle<> handle{};
  Runnable* next = nullptr;
};

using ReadyQueue = Fifo<Runnable>;

enum class EngineKind : std::uint8_t { kThreads, kNative, kIoUring };
inline constexpr std::size_t kEngineKinds = 3;

// One operation. The result is what the system call returns: >= 0, or -errno; a read or write may
// transfer less than asked.
struct IoOp : Runnable {
  enum class Kind : std::uint8_t {
    kRead,       // preadv2(fd, iov, offset, flags)
    kWrite,      // pwritev2(fd, iov, offset, flags)
    kDatasync,   // fdatasync(fd)
    kFallocate,  // fallocate(fd, flags, offset, length)
    kPoll,       // wait for `flags` (POLLIN, ... | EPOLLEXCLUSIVE) on fd; result = what is ready
    kCall,       // call(*this) on a worker thread; it sets result
  };
  struct EngineData : WorkerJob {
    IoOp* op = nullptr;
    void* owner = nullptr;
  };
  // A list of more pieces than this is transferred short, and its owner goes on with the rest.
  static constexpr std::size_t kMaxInlinePieces = 8;

  IoOp(Kind op_kind, int op_fd) : kind(op_kind), fd(op_fd) {}
  IoOp(const IoOp&) = delete;
  IoOp& operator=(const IoOp&) = delete;

  // Makes iov from `range`: the caller's own array where it fits exactly, else up to
  // kMaxInlinePieces pieces in `inline_iov`.
  void SetData(const IoVec& range);

  Kind kind;
  int fd;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::uint32_t flags = 0;
  std::int32_t result = 0;
  std::span<const iovec> iov{};
  void (*call)(IoOp& op) = nullptr;
  EngineData engine_data;  // the engine's own while it has the op
  std::array<iovec, kMaxInlinePieces> inline_iov{};
};

class IoEngine {
 public:
  virtual ~IoEngine() = default;
  virtual std::string_view name() const = 0;
  // Takes op until it is put into the ready queue. Batched until Submit.
  virtual void Queue(IoOp& op) = 0;
  // Asks that op end soon, with -ECANCELED or with its own result. Never completes it inside.
  virtual void Cancel(IoOp& op) = 0;
  // Hands everything queued to the kernel, without waiting.
  virtual void Submit() = 0;
};

class WaitEngine : public IoEngine {
 public:
  // Submits, waits at most `timeout` for one completion (zero: only looks), and puts everything
  // that has completed into the ready queue. Returns whether anything completed.
  virtual bool Wait(Nanoseconds timeout) = 0;
  // Looks for completions without a system call where the engine can; false costs nothing.
  virtual bool Peek() = 0;
  // Any thread: makes a Wait in progress, or else the next one, return.
  virtual void Wake() = 0;
  // Readable when Wait(0) would do something: lets another main loop (GLib) wait for this one.
  virtual int fd() const = 0;
  virtual Clock::time_point Now() const { return Clock::now(); }
};

}  // namespace fusebay
