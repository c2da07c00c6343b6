// Tests of FdWait.
#include "qmp/fd_wait.h"

#include "core/scope.h"
#include "monitor_fixture.h"

using namespace fusebay;
using namespace fusebay::qapi;
using namespace fusebay::test;

namespace {

enum class What { kInput, kSleep };

Task<Unit> WaitFor(FdWait& wait, What what, int fd, std::string& outcome) {
  const bool happened =
      co_await (what == What::kInput ? wait.For(fd, POLLIN) : wait.Sleep(std::chrono::hours(1)));
  outcome = happened ? "happened" : "cancelled";
  co_return Unit{};
}

Task<Unit> CancelSoon(TaskScope& scope, FdWait& wait, What what, int fd, std::string& outcome) {
  scope.Spawn(WaitFor(wait, what, fd, outcome));
  co_await AioContext::Current().Yield();
  CHECK_EQ(outcome, "");
  wait.Cancel();
  co_await scope.Join();
  co_return Unit{};
}

std::string Cancelled(What what) {
  TestLoop loop;
  TaskScope scope;
  FdWait wait;
  std::string outcome;
  const auto [one, two] = SocketPair();
  loop.Run(CancelSoon(scope, wait, what, one.get(), outcome));
  return outcome;
}

Task<bool> ShortSleep(FdWait& wait) { return wait.Sleep(std::chrono::milliseconds(1)); }

}  // namespace

TEST(InputIsSeen) {
  TestLoop loop;
  FdWait wait;
  std::string outcome;
  const auto [one, two] = SocketPair();
  CHECK_EQ(::write(two.get(), "x", 1), 1);
  loop.Run(WaitFor(wait, What::kInput, one.get(), outcome));
  CHECK_EQ(outcome, "happened");
}

TEST(SleepEnds) {
  TestLoop loop;
  FdWait wait;
  CHECK(loop.Run(ShortSleep(wait)));
}

TEST(WaitForInputCanBeCancelled) { CHECK_EQ(Cancelled(What::kInput), "cancelled"); }

TEST(SleepCanBeCancelled) { CHECK_EQ(Cancelled(What::kSleep), "cancelled"); }

TEST(AfterCancelNothingWaits) {
  TestLoop loop;
  FdWait wait;
  std::string outcome;
  loop.loop->Post([&wait] { wait.Cancel(); });
  loop.Turns(2);
  loop.Run(WaitFor(wait, What::kSleep, -1, outcome));
  CHECK_EQ(outcome, "cancelled");
}
