// The epoll engine: what every wait engine does, and polls that want different things of one fd.
#include "engines.h"

static constexpr auto kMakeEngine = &fusebay::MakeEpollEngine;

#include <sys/socket.h>

#include "wait_engine_cases.h"

namespace fusebay::test {

TEST(PollsForDifferentEventsOfOneFdEndOnTheirOwn) {
  Bench bench;
  int fds[2];
  CHECK_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  const UniqueFd here(fds[0]);
  const UniqueFd there(fds[1]);
  IoOp to_read(IoOp::Kind::kPoll, here.get());
  to_read.flags = POLLIN;
  IoOp to_write(IoOp::Kind::kPoll, here.get());
  to_write.flags = POLLOUT;
  bench.engine->Queue(to_read);
  bench.engine->Queue(to_write);
  CHECK(bench.engine->Wait(milliseconds(1000)));
  CHECK(bench.ready.Pop() == &to_write);
  CHECK(bench.ready.empty());
  CHECK_EQ(::write(there.get(), "x", 1), 1);
  CHECK(bench.engine->Wait(milliseconds(1000)));
  CHECK(bench.ready.Pop() == &to_read);
}

TEST(LoopsNameThisEngine) {
  WorkerPool workers(1);
  CHECK_EQ(MakeLoop(workers, EngineKind::kThreads)->engine_name(), "epoll");
}

}  // namespace fusebay::test
