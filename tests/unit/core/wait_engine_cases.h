// What holds for every engine that a loop can wait in: wake-ups, time limits, polls, the fd. A test
// program defines `kMakeEngine` and includes this file once.
#pragma once
#include <poll.h>

#include <thread>

#include "core_fixture.h"
#include "engines.h"

namespace fusebay::test {

namespace {

using std::chrono::milliseconds;

// One wait engine without a loop.
struct Bench {
  Bench() {
    auto made = kMakeEngine(ready, workers);
    CHECK_OK(made);
    engine = std::move(*made);
  }
  bool FdIsReadable(int timeout_ms) const {
    pollfd entry{engine->fd(), POLLIN, 0};
    return ::poll(&entry, 1, timeout_ms) == 1;
  }

  WorkerPool workers{1};
  ReadyQueue ready;
  std::unique_ptr<WaitEngine> engine;
};

// How many Waits it takes to pass the time: one, or a few if the kernel interrupts them.
int WaitsFor(Bench& bench, Nanoseconds time) {
  const Clock::time_point end = Clock::now() + time;
  int waits = 0;
  for (Clock::time_point now = Clock::now(); now < end; now = Clock::now()) {
    bench.engine->Wait(end - now);
    ++waits;
  }
  return waits;
}

}  // namespace

TEST(WaitEndsWhenItsTimeIsOver) {
  Bench bench;
  CHECK(WaitsFor(bench, milliseconds(3)) <= 3);
}

TEST(WakeEndsAWaitInProgress) {
  Bench bench;
  std::thread waker([&bench] {
    std::this_thread::sleep_for(milliseconds(5));
    bench.engine->Wake();
  });
  CHECK(!bench.engine->Wait(Nanoseconds::max()));
  waker.join();
}

TEST(WakeEndsTheNextWaitAndOnlyThat) {
  Bench bench;
  for (int round = 0; round < 3; ++round) {
    bench.engine->Wake();
    bench.engine->Wake();
    CHECK(!bench.engine->Wait(Nanoseconds::max()));
  }
  CHECK(WaitsFor(bench, milliseconds(3)) <= 3);
}

TEST(FdIsReadableWhenThereIsSomethingToDo) {
  Bench bench;
  const Pipe pipe;
  IoOp op(IoOp::Kind::kPoll, pipe.reader.get());
  op.flags = POLLIN;
  bench.engine->Queue(op);
  bench.engine->Wait(Nanoseconds::zero());
  CHECK(!bench.FdIsReadable(0));
  pipe.Put();
  CHECK(bench.FdIsReadable(1000));
  CHECK(bench.engine->Wait(Nanoseconds::zero()));
  CHECK(bench.ready.Pop() == &op);
  CHECK_EQ(op.result, POLLIN);
}

TEST(FdIsReadableAfterAWake) {
  Bench bench;
  bench.engine->Wait(Nanoseconds::zero());
  bench.engine->Wake();
  CHECK(bench.FdIsReadable(1000));
}

TEST(PollOfABadFdFails) {
  Bench bench;
  for (const int fd : {-1, 1'000'000}) {
    IoOp op(IoOp::Kind::kPoll, fd);
    op.flags = POLLIN;
    bench.engine->Queue(op);
    bench.engine->Wait(Nanoseconds::zero());
    CHECK(bench.ready.Pop() == &op);
    CHECK_EQ(op.result, -EBADF);
  }
}

TEST(CancelOfOnePollLeavesAnotherOfTheSameFd) {
  Bench bench;
  const Pipe pipe;
  IoOp first(IoOp::Kind::kPoll, pipe.reader.get());
  IoOp second(IoOp::Kind::kPoll, pipe.reader.get());
  first.flags = second.flags = POLLIN;
  bench.engine->Queue(first);
  bench.engine->Queue(second);
  bench.engine->Cancel(first);
  bench.engine->Wait(Nanoseconds::zero());
  CHECK(bench.ready.Pop() == &first);
  CHECK_EQ(first.result, -ECANCELED);
  pipe.Put();
  bench.engine->Wait(milliseconds(1000));
  CHECK(bench.ready.Pop() == &second);
  CHECK_EQ(second.result, POLLIN);
}

TEST(HangUpEndsAPollForData) {
  Bench bench;
  Pipe pipe;
  IoOp op(IoOp::Kind::kPoll, pipe.reader.get());
  op.flags = POLLIN;
  bench.engine->Queue(op);
  bench.engine->Wait(Nanoseconds::zero());
  pipe.writer.Reset();
  bench.engine->Wait(milliseconds(1000));
  CHECK(bench.ready.Pop() == &op);
  CHECK_EQ(op.result, POLLHUP);
}

}  // namespace fusebay::test
