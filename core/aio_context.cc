// The event loop's turn, its timers, and how other threads reach it.
#include "core/aio_context.h"

#include <fmt/core.h>
#include <sched.h>

#include <algorithm>
#include <bitset>
#include <cstdio>
#include <mutex>

#include "core/log.h"
#include "core/sync.h"
#include "engines.h"
#include "idle_policy.h"

namespace fusebay {

struct AioContext::Timer : Runnable {
  Clock::time_point deadline;
  std::uint64_t sequence = 0;

  // For a heap whose front is the first to fire.
  static bool Later(const Timer* a, const Timer* b) {
    return a->deadline != b->deadline ? a->deadline > b->deadline : a->sequence > b->sequence;
  }
};

struct AioContext::State {
  explicit State(const AioContextOptions& options) : idle(options.poll_max) {}

  std::optional<EngineKind> kind;  // of the wait engine; nothing for a simulation's
  IdlePolicy idle;
  RateLimit stall_limit;
  std::vector<Timer*> timers;  // a heap
  std::uint64_t next_sequence = 0;
  // Whether a push to remote_ needs a wake-up: true except while a turn is awake.
  std::atomic<bool> asleep{true};
  // Threads inside ScheduleFrom or Stop: they may still touch the loop after what they scheduled
  // has run.
  std::atomic<std::uint32_t> visitors{0};
};

namespace {

// While polling, a yield that lasts longer than this let another thread run.
constexpr Nanoseconds kYieldLimit{10'000};

thread_local AioContext* current_loop = nullptr;

class CurrentLoop {
 public:
  explicit CurrentLoop(AioContext& loop) : before_(std::exchange(current_loop, &loop)) {}
  CurrentLoop(const CurrentLoop&) = delete;
  CurrentLoop& operator=(const CurrentLoop&) = delete;
  ~CurrentLoop() { current_loop = before_; }

 private:
  AioContext* const before_;
};

struct Indexes {
  std::mutex mutex;
  std::bitset<AioContext::kMaxContexts> used;
};

Indexes& ProcessIndexes() {
  static Indexes indexes;
  return indexes;
}

unsigned TakeIndex() {
  Indexes& indexes = ProcessIndexes();
  const std::lock_guard lock(indexes.mutex);
  for (unsigned i = 0; i < AioContext::kMaxContexts; ++i) {
    if (!indexes.used[i]) {
      indexes.used[i] = true;
      return i;
    }
  }
  FB_ASSERT(false);
  return 0;
}

void ReturnIndex(unsigned index) {
  Indexes& indexes = ProcessIndexes();
  const std::lock_guard lock(indexes.mutex);
  indexes.used[index] = false;
}

Result<std::unique_ptr<WaitEngine>, Error> MakeWaitEngine(std::optional<EngineKind> wanted,
                                                          ReadyQueue& ready, WorkerPool& workers,
                                                          std::optional<EngineKind>& made) {
  if (wanted == EngineKind::kNative) {
    return Error{Errno(EINVAL), "libaio cannot be what a loop waits in"};
  }
  if (wanted != EngineKind::kThreads) {
    auto uring = MakeUringEngine(ready, workers);
    if (uring.ok() || wanted == EngineKind::kIoUring) {
      made = EngineKind::kIoUring;
      return uring;
    }
  }
  made = EngineKind::kThreads;
  return MakeEpollEngine(ready, workers);
}

}  // namespace

Result<std::unique_ptr<AioContext>, Error> AioContext::Create(const AioContextOptions& options,
                                                              WorkerPool& workers) {
  std::optional<Error> failure;
  std::optional<EngineKind> kind;
  const auto make = [&](ReadyQueue& ready) -> std::unique_ptr<WaitEngine> {
    auto engine = MakeWaitEngine(options.engine, ready, workers, kind);
    if (!engine.ok()) {
      failure =
          Error{engine.error().code, fmt::format("{}: {}", options.name, engine.error().message)};
      return nullptr;
    }
    return std::move(*engine);
  };
  auto loop = std::make_unique<AioContext>(options, workers, make);
  if (failure.has_value()) {
    return *failure;
  }
  loop->state_->kind = kind;
  return loop;
}

AioContext::AioContext(const AioContextOptions& options, WorkerPool& workers,
                       std::function<std::unique_ptr<WaitEngine>(ReadyQueue& ready)> make_engine)
    : options_(options),
      workers_(workers),
      index_(TakeIndex()),
      engine_(make_engine(ready_)),
      state_(std::make_unique<State>(options)) {}

AioContext::~AioContext() {
  while (state_->visitors.load() != 0) {
    sched_yield();
  }
  FB_ASSERT(current_loop != this);
  // What was posted last, and what the extra engines still look at.
  while (engine_ != nullptr && has_ready()) {
    RunOnce(false);
  }
  FB_ASSERT(state_->timers.empty());
  // The extra engines poll through this one and must outlive what it holds of theirs.
  engine_.reset();
  ReturnIndex(index_);
}

AioContext& AioContext::Current() {
  FB_ASSERT(current_loop != nullptr);
  return *current_loop;
}

AioContext* AioContext::CurrentOrNull() { return current_loop; }

void AioContext::Run() {
  while (!stop_.load()) {
    RunOnce(true);
  }
  // What was posted before the Stop still runs.
  while (RunOnce(false)) {
  }
  stop_.store(false);
}

void AioContext::Stop() {
  state_->visitors.fetch_add(1);
  stop_.store(true);
  engine_->Wake();
  state_->visitors.fetch_sub(1);
}

bool AioContext::RunOnce(bool may_sleep) {
  const CurrentLoop current(*this);
  state_->asleep.store(false);
  ++stats_.turns;
  SubmitExtra();
  if (may_sleep && !has_ready() && !stop_.load()) {
    WaitForWork();
    state_->asleep.store(false);
  } else {
    engine_->Wait(Nanoseconds::zero());
  }
  DrainRemote();
  FireTimers();
  const bool ran = RunReady();
  if (!may_sleep) {
    // Whoever hosts this loop may wait for long before the next turn.
    SubmitExtra();
    engine_->Submit();
  }
  state_->asleep.store(true);
  return ran;
}

void AioContext::SubmitExtra() {
  for (const std::unique_ptr<IoEngine>& extra : extra_engines_) {
    if (extra != nullptr) {
      extra->Submit();
    }
  }
}

// Resumes what is ready now; what they make ready waits for the next turn, after a look at I/O.
bool AioContext::RunReady() {
  if (ready_.empty()) {
    return false;
  }
  ReadyQueue batch;
  batch.Splice(ready_);
  const Clock::time_point start = Now();
  while (Runnable* const runnable = batch.Pop()) {
    ++stats_.resumed;
    runnable->handle.resume();  // runnable may be gone after this
  }
  const Nanoseconds time = Now() - start;
  if (time > kStallLimit) {
    ++stats_.stalls;
    if (options_.warn_of_stalls && state_->stall_limit.Allow()) {
      std::array<char, 160> text{};  // the data path allocates nothing, not even here
      std::snprintf(text.data(), text.size(), "%s: stall: coroutines ran for %lld ms at a time",
                    name().c_str(), static_cast<long long>(time.count() / 1'000'000));
      LogWarning(text.data());
    }
  }
  return true;
}

void AioContext::SetPolling(Nanoseconds max, std::uint32_t grow, std::uint32_t shrink) {
  state_->idle = IdlePolicy(max, grow, shrink);
}

// Polls briefly, then sleeps until there is work or a timer is due.
void AioContext::WaitForWork() {
  const Clock::time_point start = Now();
  Nanoseconds timeout = Nanoseconds::max();
  if (const auto deadline = next_deadline()) {
    timeout = std::max(Nanoseconds::zero(), Nanoseconds(*deadline - start));
  }
  const Nanoseconds budget = std::min(state_->idle.Budget(), timeout);
  if (budget > Nanoseconds::zero() && PollBeforeSleep(budget)) {
    return;
  }
  if (timeout != Nanoseconds::max() && budget > Nanoseconds::zero()) {
    timeout = std::max(Nanoseconds::zero(), Nanoseconds(*next_deadline() - Now()));
  }
  // Whoever pushes after this store wakes the engine; whoever pushed before is seen here.
  state_->asleep.store(true);
  if (remote_.load() != nullptr || stop_.load()) {
    timeout = Nanoseconds::zero();
  }
  if (timeout > Nanoseconds::zero()) {
    ++stats_.sleeps;
  }
  const bool work = engine_->Wait(timeout);
  if (work || remote_.load() != nullptr) {
    state_->idle.Slept(Now() - start, budget > Nanoseconds::zero());
  }
}

// Returns whether there is work, or no sense in a sleep. Measures real time even in a simulation.
bool AioContext::PollBeforeSleep(Nanoseconds budget) {
  engine_->Submit();
  const Clock::time_point end = Clock::now() + budget;
  for (;;) {
    if (LookForWork()) {
      ++stats_.polls_won;
      state_->idle.Won(budget);
      return true;
    }
    const Clock::time_point before = Clock::now();
    if (before >= end) {
      ++stats_.polls_lost;
      return false;
    }
    sched_yield();
    if (Clock::now() - before > kYieldLimit) {
      ++stats_.polls_yielded;
      state_->idle.GiveUp();
      return LookForWork();
    }
  }
}

bool AioContext::LookForWork() {
  bool found = engine_->Peek();
  if (remote_.load(std::memory_order_relaxed) != nullptr) {
    found = true;  // the next turn takes it
  }
  for (BusyPoller* const poller : pollers_) {
    found |= poller->Poll();
  }
  return found || !ready_.empty() || stop_.load(std::memory_order_relaxed);
}

void AioContext::Schedule(Runnable& runnable) { ready_.Push(runnable); }

void AioContext::ScheduleFrom(Runnable& runnable) {
  state_->visitors.fetch_add(1);
  Runnable* head = remote_.load(std::memory_order_relaxed);
  do {
    runnable.next = head;
  } while (!remote_.compare_exchange_weak(head, &runnable));
  // From here on runnable may be gone.
  if (state_->asleep.load() && state_->asleep.exchange(false)) {
    engine_->Wake();
  }
  state_->visitors.fetch_sub(1);
}

// Moves what other threads scheduled into the ready queue, in the order it came.
void AioContext::DrainRemote() {
  if (remote_.load(std::memory_order_relaxed) == nullptr) {
    return;
  }
  Runnable* newest = remote_.exchange(nullptr);
  Runnable* oldest = nullptr;
  while (newest != nullptr) {
    Runnable* const next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  while (oldest != nullptr) {
    Runnable* const next = oldest->next;
    ready_.Push(*oldest);
    oldest = next;
  }
}

void AioContext::Post(std::function<void()> fn) {
  struct Hop : Runnable {
    explicit Hop(AioContext& target) : loop(target) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> h) {
      handle = h;
      loop.ScheduleFrom(*this);
    }
    void await_resume() const noexcept {}
    AioContext& loop;
  };
  struct Driver {
    static Detached Drive(AioContext& loop, std::function<void()> work) {
      co_await Hop(loop);
      work();
    }
  };
  Driver::Drive(*this, std::move(fn));
}

Task<Unit> AioContext::SleepUntil(Clock::time_point deadline, CancelToken* token) {
  struct Awaiter : Timer {
    explicit Awaiter(AioContext& context) : loop(context) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> h) {
      handle = h;
      sequence = loop.state_->next_sequence++;
      std::vector<Timer*>& timers = loop.state_->timers;
      timers.push_back(this);
      std::push_heap(timers.begin(), timers.end(), &Timer::Later);
    }
    void await_resume() const noexcept {}
    // Unless it is due already.
    static void End(void* arg) {
      auto* const self = static_cast<Awaiter*>(arg);
      std::vector<Timer*>& timers = self->loop.state_->timers;
      if (std::erase(timers, self) != 0) {
        std::make_heap(timers.begin(), timers.end(), &Timer::Later);
        self->loop.Schedule(*self);
      }
    }
    AioContext& loop;
  };
  Awaiter awaiter(*this);
  awaiter.deadline = deadline;
  std::optional<CancelToken::Callback> early_end;
  if (token != nullptr) {
    early_end.emplace(*token, &Awaiter::End, &awaiter);
  }
  co_await awaiter;
  co_return Unit{};
}

void AioContext::FireTimers() {
  std::vector<Timer*>& timers = state_->timers;
  if (timers.empty()) {
    return;
  }
  const Clock::time_point now = Now();
  while (!timers.empty() && timers.front()->deadline <= now) {
    std::pop_heap(timers.begin(), timers.end(), &Timer::Later);
    Schedule(*timers.back());
    timers.pop_back();
  }
}

std::optional<Clock::time_point> AioContext::next_deadline() const {
  if (state_->timers.empty()) {
    return std::nullopt;
  }
  return state_->timers.front()->deadline;
}

bool AioContext::has_ready() const { return !ready_.empty() || remote_.load() != nullptr; }

void AioContext::AddBusyPoller(BusyPoller& poller) { pollers_.push_back(&poller); }

void AioContext::RemoveBusyPoller(BusyPoller& poller) { std::erase(pollers_, &poller); }

bool AioContext::IsWaitEngine(std::optional<EngineKind> kind) const {
  return !kind.has_value() || !state_->kind.has_value() || kind == state_->kind;
}

Result<Unit, Error> AioContext::RequireEngine(EngineKind kind) {
  std::unique_ptr<IoEngine>& extra = extra_engines_[static_cast<std::size_t>(kind)];
  if (IsWaitEngine(kind) || extra != nullptr) {
    return Unit{};
  }
  if (kind == EngineKind::kThreads) {
    extra = MakeWorkerEngine(*engine_, workers_);
    return Unit{};
  }
  if (kind == EngineKind::kNative) {
    FB_ASSIGN(extra, MakeAioEngine(ready_, *engine_));
    return Unit{};
  }
  FB_ASSIGN(auto ring, MakeUringEngine(ready_, workers_));
  extra = MakePolledEngine(std::move(ring), *engine_);
  return Unit{};
}

IoEngine& AioContext::EngineFor(std::optional<EngineKind> kind) {
  ++stats_.operations;
  if (IsWaitEngine(kind)) {
    return *engine_;
  }
  IoEngine* const extra = extra_engines_[static_cast<std::size_t>(*kind)].get();
  FB_ASSERT(extra != nullptr);  // RequireEngine comes first
  return *extra;
}

AioContext::OpAwaiter AioContext::Read(int fd, std::uint64_t offset, IoVec dst, std::uint32_t rwf,
                                       std::optional<EngineKind> engine) {
  return {EngineFor(engine), IoOp::Kind::kRead, fd, offset, dst, rwf};
}

AioContext::OpAwaiter AioContext::Write(int fd, std::uint64_t offset, IoVec src, std::uint32_t rwf,
                                        std::optional<EngineKind> engine) {
  return {EngineFor(engine), IoOp::Kind::kWrite, fd, offset, src, rwf};
}

AioContext::OpAwaiter AioContext::Datasync(int fd, std::optional<EngineKind> engine) {
  return {EngineFor(engine), IoOp::Kind::kDatasync, fd};
}

AioContext::OpAwaiter AioContext::Fallocate(int fd, std::uint32_t mode, std::uint64_t offset,
                                            std::uint64_t length,
                                            std::optional<EngineKind> engine) {
  return {EngineFor(engine), IoOp::Kind::kFallocate, fd, offset, length, mode};
}

AioContext::OpAwaiter AioContext::Poll(int fd, std::uint32_t events) {
  return {EngineFor(std::nullopt), IoOp::Kind::kPoll, fd, 0, std::uint64_t{0}, events};
}

AioContext::QueuedAwaiter AioContext::Await(IoOp& op) { return {EngineFor(std::nullopt), op}; }

void AioContext::Cancel(IoOp& op) { engine_->Cancel(op); }

AioContext::YieldAwaiter AioContext::Yield() { return YieldAwaiter(*this); }

Task<Result<>> AioContext::RunBlocking(std::function<Result<>()> fn) {
  struct BlockingOp : IoOp {
    explicit BlockingOp(std::function<Result<>()>& function)
        : IoOp(Kind::kCall, -1), fn(function) {}
    static void Call(IoOp& op) {
      const Result<> r = static_cast<BlockingOp&>(op).fn();
      op.result = r.ok() ? 0 : -r.error().value();
    }
    std::function<Result<>()>& fn;
  };
  BlockingOp op(fn);
  op.call = &BlockingOp::Call;
  const std::int32_t result = co_await Await(op);
  if (result < 0) {
    co_return Errno(-result);
  }
  co_return Ok();
}

}  // namespace fusebay
