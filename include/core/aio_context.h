// AioContext: one event loop on one thread. It resumes coroutines, does their I/O in batches and
// keeps their timers.
//
// Only the thread that runs the loop may call it, except Post, ScheduleFrom and Stop. A turn of the
// loop: submit what was queued and look for completions, then resume what is ready. With nothing
// ready it polls briefly (see poll_max) and then sleeps in the engine. A turn longer than 5 ms is
// logged ("stall"): something blocks that should be in RunBlocking.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/buffer_pool.h"
#include "core/clock.h"
#include "core/io_engine.h"
#include "core/stats.h"
#include "core/task.h"
#include "core/worker_pool.h"

namespace fusebay {

class CancelToken;

// Looked at while a loop polls before a sleep, e.g. a FUSE channel that tries a read.
class BusyPoller {
 public:
  virtual ~BusyPoller() = default;
  // Does what can be done without waiting; returns whether there was anything. May Schedule.
  virtual bool Poll() = 0;
};

struct AioContextOptions {
  std::string name = "loop";
  // What the loop waits in: io_uring where the kernel allows it, else epoll. kThreads asks for
  // epoll, with worker threads for I/O.
  std::optional<EngineKind> engine;
  // The longest time to poll before a sleep; zero turns polling off. The actual time is learnt: it
  // grows while polling finds work, shrinks when it does not, and polling is given up for a while
  // when another thread wants the core.
  Nanoseconds poll_max{32'000};
  // Whether a stall is logged. Not for a control loop: nobody's request waits for it.
  bool warn_of_stalls = true;
};

class AioContext {
 public:
  static constexpr unsigned kMaxContexts = 128;
  static constexpr Nanoseconds kStallLimit{5'000'000};

  // Fails when the engine asked for is not to be had; says which and why.
  static Result<std::unique_ptr<AioContext>, Error> Create(const AioContextOptions& options,
                                                           WorkerPool& workers);
  // For a simulation: the engine is the caller's.
  AioContext(const AioContextOptions& options, WorkerPool& workers,
             std::function<std::unique_ptr<WaitEngine>(ReadyQueue& ready)> make_engine);
  AioContext(const AioContext&) = delete;
  AioContext& operator=(const AioContext&) = delete;
  ~AioContext();  // REQUIRES: no coroutine waits in it.

  // The loop that runs on this thread, now (inside Run or RunOnce). REQUIRES: there is one.
  static AioContext& Current();
  static AioContext* CurrentOrNull();

  // A small number, different from that of every other living context; below kMaxContexts.
  unsigned index() const { return index_; }
  const std::string& name() const { return options_.name; }
  std::string_view engine_name() const { return engine_->name(); }

  void Run();                    // until Stop
  bool RunOnce(bool may_sleep);  // one turn; returns whether anything ran
  // Runs until `task` is done and returns its result. REQUIRES: called outside the loop.
  template <class T>
  T RunUntilDone(Task<T> task);
  void Stop();                            // any thread
  void Post(std::function<void()> fn);    // any thread; control path only (allocates)
  void Schedule(Runnable& runnable);      // this loop resumes it soon, in FIFO order
  void ScheduleFrom(Runnable& runnable);  // the same, from any thread

  // Waits for one operation: `const std::int32_t n = co_await loop.Read(...)` gives what the
  // system call returns, or -errno. Each may transfer less than asked.
  class OpAwaiter;
  OpAwaiter Read(int fd, std::uint64_t offset, IoVec dst, std::uint32_t rwf = 0,
                 std::optional<EngineKind> engine = std::nullopt);
  OpAwaiter Write(int fd, std::uint64_t offset, IoVec src, std::uint32_t rwf = 0,
                  std::optional<EngineKind> engine = std::nullopt);
  OpAwaiter Datasync(int fd, std::optional<EngineKind> engine = std::nullopt);
  OpAwaiter Fallocate(int fd, std::uint32_t mode, std::uint64_t offset, std::uint64_t length,
                      std::optional<EngineKind> engine = std::nullopt);
  OpAwaiter Poll(int fd, std::uint32_t events);
  // For an op that its owner may cancel: queue it, then `co_await loop.Await(op)`.
  class QueuedAwaiter;
  QueuedAwaiter Await(IoOp& op);
  void Cancel(IoOp& op);

  // `token`, if given, ends the sleep early; it REQUIRES: is not cancelled yet.
  Task<Unit> SleepUntil(Clock::time_point deadline, CancelToken* token = nullptr);
  Task<Unit> SleepFor(Nanoseconds time, CancelToken* token = nullptr) {
    return SleepUntil(Now() + time, token);
  }
  // Lets everything else that is ready run first.
  class YieldAwaiter;
  YieldAwaiter Yield();
  // Calls fn on a worker thread and returns what it returns. What fn refers to must outlive it.
  Task<Result<>> RunBlocking(std::function<Result<>()> fn);

  // Changes how the loop polls: the longest time, and the factors by which the actual time grows
  // and shrinks (0: the usual one).
  void SetPolling(Nanoseconds max, std::uint32_t grow, std::uint32_t shrink);
  void AddBusyPoller(BusyPoller& poller);
  void RemoveBusyPoller(BusyPoller& poller);
  // Whether this engine is to be had in this loop; makes it if need be.
  Result<Unit, Error> RequireEngine(EngineKind kind);

  Clock::time_point Now() const { return engine_->Now(); }
  BufferPool& buffers() { return buffers_; }
  const LoopStats& stats() const { return stats_; }
  LoopStats& mutable_stats() { return stats_; }
  WorkerPool& workers() { return workers_; }
  // For another main loop that hosts this one (core/glib_bridge.h): the engine's fd, when the next
  // timer is due, and whether there is something to run now.
  int wait_fd() const { return engine_->fd(); }
  std::optional<Clock::time_point> next_deadline() const;
  bool has_ready() const;

 private:
  struct Timer;
  struct State;
  IoEngine& EngineFor(std::optional<EngineKind> kind);
  bool RunReady();
  void DrainRemote();
  void FireTimers();
  void SubmitExtra();
  void WaitForWork();
  bool PollBeforeSleep(Nanoseconds budget);
  bool LookForWork();
  bool IsWaitEngine(std::optional<EngineKind> kind) const;

  const AioContextOptions options_;
  WorkerPool& workers_;
  unsigned index_;
  ReadyQueue ready_;
  std::atomic<Runnable*> remote_{nullptr};
  std::atomic<bool> stop_{false};
  std::unique_ptr<WaitEngine> engine_;
  std::array<std::unique_ptr<IoEngine>, kEngineKinds> extra_engines_;
  std::unique_ptr<State> state_;
  std::vector<BusyPoller*> pollers_;
  BufferPool buffers_;
  LoopStats stats_;
};

template <class T>
T AioContext::RunUntilDone(Task<T> task) {
  struct Driver {
    static Detached Drive(Task<T> work, std::optional<T>& result) {
      result.emplace(co_await std::move(work));
    }
  };
  std::optional<T> result;
  Post([&task, &result] { Driver::Drive(std::move(task), result); });
  while (!result.has_value()) {
    RunOnce(true);
  }
  return std::move(*result);
}

}  // namespace fusebay

#include "core/io_awaiters.h"
#include "core/run_on.h"
