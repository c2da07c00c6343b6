// The loop with each kind of engine, files on each extra engine, timers and other threads.
#include "core/aio_context.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include <array>
#include <thread>
#include <vector>

#include "core/loop_thread.h"
#include "core/scope.h"
#include "core_fixture.h"

namespace fusebay::test {

namespace {

using std::chrono::milliseconds;

constexpr EngineKind kWaitKinds[] = {EngineKind::kIoUring, EngineKind::kThreads};
constexpr EngineKind kIoKinds[] = {EngineKind::kIoUring, EngineKind::kThreads, EngineKind::kNative};

// Calls body(loop) for a loop of each kind.
template <class F>
void WithEveryLoop(F body) {
  WorkerPool workers(4);
  for (const EngineKind kind : kWaitKinds) {
    const Loop loop = MakeLoop(workers, kind);
    body(*loop);
  }
}

// Calls body(loop, kind) for each kind of I/O engine in each kind of loop.
template <class F>
void WithEveryEngine(F body) {
  WithEveryLoop([&](AioContext& loop) {
    for (const EngineKind kind : kIoKinds) {
      CHECK_OK(loop.RequireEngine(kind));
      body(loop, kind);
    }
  });
}

Task<std::int32_t> WriteText(AioContext& loop, int fd, std::string text, EngineKind kind) {
  const iovec memory = Memory(text);
  const std::int32_t n = co_await loop.Write(fd, 0, IoVec::Of(memory), 0, kind);
  co_return n;
}

Task<std::string> ReadText(AioContext& loop, int fd, std::uint64_t offset, EngineKind kind) {
  std::string text(8, '.');
  const iovec memory = Memory(text);
  const std::int32_t n = co_await loop.Read(fd, offset, IoVec::Of(memory), 0, kind);
  text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
  co_return text;
}

Task<std::int32_t> PollOnce(AioContext& loop, int fd, std::uint32_t events) {
  const std::int32_t n = co_await loop.Poll(fd, events);
  co_return n;
}

Task<Unit> JoinAll(TaskScope& scope) { return scope.Join(); }

}  // namespace

TEST(WrittenTextIsReadBack) {
  WithEveryEngine([](AioContext& loop, EngineKind kind) {
    const UniqueFd file = TemporaryFile();
    CHECK_EQ(loop.RunUntilDone(WriteText(loop, file.get(), "fusebay", kind)), 7);
    CHECK_EQ(loop.RunUntilDone(ReadText(loop, file.get(), 4, kind)), "bay");
  });
}

TEST(ReadPastEndIsEmpty) {
  WithEveryEngine([](AioContext& loop, EngineKind kind) {
    const UniqueFd file = TemporaryFile();
    CHECK_EQ(loop.RunUntilDone(ReadText(loop, file.get(), 100, kind)), "");
  });
}

TEST(ErrorsAreNegativeErrnos) {
  WithEveryEngine([](AioContext& loop, EngineKind kind) {
    const UniqueFd directory(::open("/tmp", O_RDONLY | O_CLOEXEC));
    const std::int32_t n = loop.RunUntilDone(WriteText(loop, directory.get(), "x", kind));
    CHECK_EQ(n, -EBADF);
  });
}

namespace {

Task<std::string> Scattered(AioContext& loop, int fd, EngineKind kind) {
  std::string bytes = "abcdefghijklmnop";
  std::array<iovec, 4> pieces{};
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    pieces[i] = {bytes.data() + 4 * i, 4};
  }
  const IoVec middle = IoVec{pieces, 0, 16}.Slice(2, 12);
  const std::int32_t written = co_await loop.Write(fd, 0, middle, 0, kind);
  co_return written == 12 ? std::string("c-n") : std::string("short");
}

}  // namespace

TEST(SlicesOfListsAreWritten) {
  WithEveryEngine([](AioContext& loop, EngineKind kind) {
    const UniqueFd file = TemporaryFile();
    CHECK_EQ(loop.RunUntilDone(Scattered(loop, file.get(), kind)), "c-n");
    CHECK_EQ(loop.RunUntilDone(ReadText(loop, file.get(), 0, kind)), "cdefghij");
  });
}

namespace {

Task<Unit> ReadMany(AioContext& loop, int fd, EngineKind kind, int& good) {
  const std::string text = co_await ReadText(loop, fd, 0, kind);
  good += text == "fusebay" ? 1 : 0;
  co_return Unit{};
}

Task<int> ManyAtOnce(AioContext& loop, int fd, EngineKind kind, int count) {
  int good = 0;
  TaskScope scope;
  for (int i = 0; i < count; ++i) {
    scope.Spawn(ReadMany(loop, fd, kind, good));
  }
  co_await scope.Join();
  co_return good;
}

}  // namespace

TEST(MoreOperationsThanTheQueueHoldsAllComplete) {
  WithEveryEngine([](AioContext& loop, EngineKind kind) {
    const UniqueFd file = TemporaryFile();
    CHECK_EQ(loop.RunUntilDone(WriteText(loop, file.get(), "fusebay", kind)), 7);
    CHECK_EQ(loop.RunUntilDone(ManyAtOnce(loop, file.get(), kind, 6000)), 6000);
  });
}

namespace {

Task<std::int32_t> Allocate(AioContext& loop, int fd, EngineKind kind) {
  const std::int32_t n = co_await loop.Fallocate(fd, 0, 0, 8192, kind);
  if (n != 0) {
    co_return n;
  }
  const std::int32_t m = co_await loop.Datasync(fd, kind);
  co_return m;
}

}  // namespace

TEST(FallocateGrowsTheFileAndDatasyncWorks) {
  WithEveryEngine([](AioContext& loop, EngineKind kind) {
    const UniqueFd file = TemporaryFile();
    CHECK_EQ(loop.RunUntilDone(Allocate(loop, file.get(), kind)), 0);
    struct stat info{};
    CHECK_EQ(::fstat(file.get(), &info), 0);
    CHECK_EQ(info.st_size, 8192);
  });
}

TEST(PollReturnsWhatIsReady) {
  WithEveryLoop([](AioContext& loop) {
    const Pipe pipe;
    std::thread writer([&] {
      std::this_thread::sleep_for(milliseconds(5));
      pipe.Put();
    });
    const std::int32_t n = loop.RunUntilDone(PollOnce(loop, pipe.reader.get(), POLLIN));
    writer.join();
    CHECK_EQ(n, POLLIN);
  });
}

TEST(ExclusivePollWorks) {
  WithEveryLoop([](AioContext& loop) {
    const Pipe pipe;
    pipe.Put();
    const std::uint32_t events = static_cast<std::uint32_t>(POLLIN) | EPOLLEXCLUSIVE;
    CHECK_EQ(loop.RunUntilDone(PollOnce(loop, pipe.reader.get(), events)), POLLIN);
  });
}

TEST(PollOfRegularFileIsReadyAtOnce) {
  WithEveryLoop([](AioContext& loop) {
    const UniqueFd file = TemporaryFile();
    CHECK_EQ(loop.RunUntilDone(PollOnce(loop, file.get(), POLLIN)), POLLIN);
  });
}

namespace {

Task<Unit> CountPolls(AioContext& loop, int fd, std::uint32_t events, int& count) {
  const std::int32_t n = co_await loop.Poll(fd, events);
  count += n > 0 ? 1 : 0;
  co_return Unit{};
}

Task<int> TwoPollsOfOneFd(AioContext& loop, const Pipe& pipe) {
  int count = 0;
  TaskScope scope;
  scope.Spawn(CountPolls(loop, pipe.reader.get(), POLLIN, count));
  scope.Spawn(CountPolls(loop, pipe.reader.get(), POLLIN, count));
  co_await loop.SleepFor(milliseconds(1));
  pipe.Put();
  co_await scope.Join();
  co_return count;
}

}  // namespace

TEST(TwoPollsOfOneFdBothEnd) {
  WithEveryLoop([](AioContext& loop) {
    const Pipe pipe;
    CHECK_EQ(loop.RunUntilDone(TwoPollsOfOneFd(loop, pipe)), 2);
  });
}

namespace {

Task<Unit> AwaitOp(AioContext& loop, IoOp& op) {
  co_await loop.Await(op);
  co_return Unit{};
}

Task<std::int32_t> CancelPoll(AioContext& loop, int fd) {
  IoOp op(IoOp::Kind::kPoll, fd);
  op.flags = POLLIN;
  TaskScope scope;
  scope.Spawn(AwaitOp(loop, op));
  co_await loop.SleepFor(milliseconds(1));
  loop.Cancel(op);
  co_await scope.Join();
  co_return op.result;
}

}  // namespace

TEST(CancelledPollEnds) {
  WithEveryLoop([](AioContext& loop) {
    const Pipe pipe;
    CHECK_EQ(loop.RunUntilDone(CancelPoll(loop, pipe.reader.get())), -ECANCELED);
  });
}

namespace {

Task<Unit> SleepWith(AioContext& loop, Nanoseconds time, CancelToken& token, int& awake) {
  co_await loop.SleepFor(time, &token);
  ++awake;
  co_return Unit{};
}

// How many of three sleepers are awake soon after one or all of them were cancelled.
Task<std::vector<int>> CancelSleepers(AioContext& loop) {
  CancelToken one;
  CancelToken others;
  TaskScope scope;
  std::vector<int> counts;
  int awake = 0;
  scope.Spawn(SleepWith(loop, std::chrono::hours(2), others, awake));
  scope.Spawn(SleepWith(loop, std::chrono::hours(1), one, awake));
  scope.Spawn(SleepWith(loop, std::chrono::hours(3), others, awake));
  one.Cancel();
  co_await loop.SleepFor(milliseconds(1));
  counts.push_back(awake);
  others.Cancel();
  co_await scope.Join();
  counts.push_back(awake);
  co_return counts;
}

}  // namespace

TEST(CancelledSleepsEnd) {
  WithEveryLoop([](AioContext& loop) {
    CHECK(loop.RunUntilDone(CancelSleepers(loop)) == (std::vector<int>{1, 3}));
    CHECK(!loop.next_deadline().has_value());
  });
}

namespace {

Task<Result<>> FailBlocking(AioContext& loop) {
  const Result<> r = co_await loop.RunBlocking([]() -> Result<> { return Errno(ENOTTY); });
  co_return r;
}

Task<bool> BlockingElsewhere(AioContext& loop) {
  const std::thread::id here = std::this_thread::get_id();
  std::thread::id there;
  const Result<> r = co_await loop.RunBlocking([&there] {
    there = std::this_thread::get_id();
    return Ok();
  });
  co_return r.ok() && there != here&& std::this_thread::get_id() == here;
}

}  // namespace

TEST(RunBlockingRunsOnAnotherThreadAndComesBack) {
  WithEveryLoop([](AioContext& loop) { CHECK(loop.RunUntilDone(BlockingElsewhere(loop))); });
}

TEST(RunBlockingPassesErrorsOn) {
  WithEveryLoop(
      [](AioContext& loop) { CHECK_ERRNO(loop.RunUntilDone(FailBlocking(loop)), ENOTTY); });
}

namespace {

Task<Unit> Record(AioContext& loop, std::vector<int>& log, int value, Clock::time_point when) {
  co_await loop.SleepUntil(when);
  log.push_back(value);
  co_return Unit{};
}

Task<std::size_t> ThreeTimers(AioContext& loop, std::vector<int>& log) {
  TaskScope scope;
  const Clock::time_point start = loop.Now();
  scope.Spawn(Record(loop, log, 3, start + milliseconds(9)));
  scope.Spawn(Record(loop, log, 1, start + milliseconds(1)));
  scope.Spawn(Record(loop, log, 2, start + milliseconds(5)));
  co_await JoinAll(scope);
  co_return log.size();
}

}  // namespace

TEST(TimersFireInOrderOfTheirDeadlines) {
  WithEveryLoop([](AioContext& loop) {
    std::vector<int> log;
    const Clock::time_point start = Clock::now();
    CHECK_EQ(loop.RunUntilDone(ThreeTimers(loop, log)), 3U);
    CHECK(log == (std::vector<int>{1, 2, 3}));
    CHECK(Clock::now() - start >= milliseconds(9));
    CHECK(!loop.next_deadline().has_value());
  });
}

namespace {

Task<Unit> YieldTwice(AioContext& loop, std::vector<int>& log, int value) {
  log.push_back(value);
  co_await loop.Yield();
  log.push_back(value);
  co_return Unit{};
}

Task<Unit> TwoYielders(AioContext& loop, std::vector<int>& log) {
  TaskScope scope;
  scope.Spawn(YieldTwice(loop, log, 1));
  scope.Spawn(YieldTwice(loop, log, 2));
  co_await scope.Join();
  co_return Unit{};
}

}  // namespace

TEST(YieldLetsOthersRunInTurn) {
  WithEveryLoop([](AioContext& loop) {
    std::vector<int> log;
    loop.RunUntilDone(TwoYielders(loop, log));
    CHECK(log == (std::vector<int>{1, 2, 1, 2}));
  });
}

namespace {

Task<int> Answer(AioContext& expected) { co_return &AioContext::Current() == &expected ? 42 : 0; }

Task<int> AskElsewhere(AioContext& here, AioContext& there, int times) {
  int good = 0;
  for (int i = 0; i < times; ++i) {
    const int answer = co_await RunOn<int>(there, Answer(there));
    good += answer == 42 && &AioContext::Current() == &here ? 1 : 0;
  }
  co_return good;
}

}  // namespace

TEST(RunOnCrossesLoopsAndComesBack) {
  WithEveryLoop([](AioContext& loop) {
    AioContextOptions options;
    options.name = "other";
    const auto other = LoopThread::Start(options, loop.workers());
    CHECK_OK(other);
    CHECK_EQ(loop.RunUntilDone(AskElsewhere(loop, (*other)->loop(), 1000)), 1000);
  });
}

TEST(PostsFromOtherThreadsAllRunInTheirOrder) {
  WithEveryLoop([](AioContext& loop) {
    std::array<int, 3> last{};
    std::atomic<int> ran = 0;
    bool ordered = true;
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < last.size(); ++t) {
      threads.emplace_back([&, t] {
        for (int i = 1; i <= 500; ++i) {
          loop.Post([&, t, i] {
            ordered = ordered && last[t] == i - 1;
            last[t] = i;
            ++ran;
          });
        }
      });
    }
    while (ran < 1500) {
      loop.RunOnce(true);
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    CHECK(ordered);
  });
}

TEST(StopEndsRunAndLetsItStartAgain) {
  WithEveryLoop([](AioContext& loop) {
    for (int i = 0; i < 2; ++i) {
      bool ran = false;
      loop.Post([&] {
        ran = true;
        loop.Stop();
      });
      loop.Run();
      CHECK(ran);
    }
  });
}

TEST(TurnThatBlocksIsCountedAsStall) {
  WithEveryLoop([](AioContext& loop) {
    loop.Post([] { std::this_thread::sleep_for(milliseconds(6)); });
    loop.Post([] {});
    while (loop.RunOnce(false)) {
    }
    CHECK_EQ(loop.stats().stalls, 1U);
  });
}

TEST(LoopsHaveDifferentIndexesAndGiveThemBack) {
  WorkerPool workers(1);
  const Loop first = MakeLoop(workers, EngineKind::kThreads);
  Loop second = MakeLoop(workers, EngineKind::kThreads);
  const unsigned index = second->index();
  CHECK(index != first->index());
  second.reset();
  CHECK_EQ(MakeLoop(workers, EngineKind::kThreads)->index(), index);
}

TEST(LoopCannotWaitInLibaio) {
  WorkerPool workers(1);
  AioContextOptions options;
  options.engine = EngineKind::kNative;
  CHECK_MESSAGE(AioContext::Create(options, workers), "libaio cannot be what a loop waits in");
}

TEST(NoLoopIsCurrentOutsideOfOne) { CHECK(AioContext::CurrentOrNull() == nullptr); }

}  // namespace fusebay::test
