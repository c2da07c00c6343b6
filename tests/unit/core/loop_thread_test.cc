// LoopThread: its thread has the loop, the name and no signals.
#include "core/loop_thread.h"

#include <pthread.h>

#include <csignal>

#include "core_fixture.h"

namespace fusebay::test {

namespace {

struct ThreadFacts {
  std::string name;
  bool term_blocked = false;
  bool loop_is_current = false;
};

Task<ThreadFacts> LookAround(AioContext& loop) {
  ThreadFacts facts;
  char name[16] = "";
  pthread_getname_np(pthread_self(), name, sizeof name);
  facts.name = name;
  sigset_t blocked;
  pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
  facts.term_blocked = sigismember(&blocked, SIGTERM) == 1;
  facts.loop_is_current = &AioContext::Current() == &loop;
  co_return facts;
}

Task<ThreadFacts> LookThere(AioContext& loop) {
  ThreadFacts facts = co_await RunOn<ThreadFacts>(loop, LookAround(loop));
  co_return facts;
}

}  // namespace

TEST(ThreadHasTheLoopItsNameAndNoSignals) {
  WorkerPool workers(1);
  const Loop home = MakeLoop(workers);
  AioContextOptions options;
  options.name = "a-name-longer-than-the-kernel-takes";
  const auto thread = LoopThread::Start(options, workers);
  CHECK_OK(thread);
  const ThreadFacts facts = home->RunUntilDone(LookThere((*thread)->loop()));
  CHECK_EQ(facts.name, "a-name-longer-t");
  CHECK(facts.term_blocked);
  CHECK(facts.loop_is_current);
}

TEST(ThreadStopsThoughItHadNothingToDo) {
  WorkerPool workers(1);
  for (int i = 0; i < 20; ++i) {
    CHECK_OK(LoopThread::Start(AioContextOptions{}, workers));
  }
}

TEST(PostsMadeBeforeTheEndStillRun) {
  WorkerPool workers(1);
  std::atomic<int> ran = 0;
  {
    const auto thread = LoopThread::Start(AioContextOptions{}, workers);
    CHECK_OK(thread);
    for (int i = 0; i < 10; ++i) {
      (*thread)->loop().Post([&ran] { ++ran; });
    }
  }
  CHECK_EQ(ran.load(), 10);
}

TEST(EngineThatIsNotToBeHadIsNamed) {
  WorkerPool workers(1);
  AioContextOptions options;
  options.name = "data-0";
  options.engine = EngineKind::kNative;
  CHECK_MESSAGE(LoopThread::Start(options, workers), "data-0: libaio");
}

}  // namespace fusebay::test
