// GlibBridge: GLib's loop drives ours, wakes for other threads, and hears signals.
#include "core/glib_bridge.h"

#include <csignal>
#include <thread>

#include "core/scope.h"
#include "core_fixture.h"

namespace fusebay::test {

namespace {

constexpr EngineKind kWaitKinds[] = {EngineKind::kIoUring, EngineKind::kThreads};

// Runs body(loop, bridge) for each kind of loop.
template <class F>
void WithEveryBridge(F body) {
  WorkerPool workers(1);
  for (const EngineKind kind : kWaitKinds) {
    const Loop loop = MakeLoop(workers, kind);
    GlibBridge bridge(*loop);
    body(*loop, bridge);
  }
}

Task<Unit> SleepThenQuit(AioContext& loop, GlibBridge& bridge) {
  co_await loop.SleepFor(std::chrono::milliseconds(3));
  bridge.Quit();
  co_return Unit{};
}

Task<Unit> PollThenQuit(AioContext& loop, GlibBridge& bridge, int fd, std::int32_t& result) {
  result = co_await loop.Poll(fd, 1);
  bridge.Quit();
  co_return Unit{};
}

}  // namespace

TEST(TimerFiresUnderGlib) {
  WithEveryBridge([](AioContext& loop, GlibBridge& bridge) {
    TaskScope scope;
    loop.Post([&] { scope.Spawn(SleepThenQuit(loop, bridge)); });
    bridge.Run();
    CHECK_EQ(scope.running(), 0U);
  });
}

TEST(CompletionsArriveUnderGlib) {
  WithEveryBridge([](AioContext& loop, GlibBridge& bridge) {
    TaskScope scope;
    const Pipe pipe;
    std::int32_t result = 0;
    loop.Post([&] { scope.Spawn(PollThenQuit(loop, bridge, pipe.reader.get(), result)); });
    std::thread writer([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      pipe.Put();
    });
    bridge.Run();
    writer.join();
    CHECK_EQ(result, 1);
  });
}

TEST(PostFromAnotherThreadWakesGlib) {
  WithEveryBridge([](AioContext& loop, GlibBridge& bridge) {
    int posts = 0;
    std::thread poster([&] {
      for (int i = 0; i < 5; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        loop.Post([&] {
          if (++posts == 5) {
            bridge.Quit();
          }
        });
      }
    });
    bridge.Run();
    poster.join();
    CHECK_EQ(posts, 5);
  });
}

TEST(SignalCallsItsHandler) {
  WithEveryBridge([](AioContext& loop, GlibBridge& bridge) {
    int signals = 0;
    bridge.OnSignal(SIGUSR1, [&] {
      if (++signals == 2) {
        bridge.Quit();
      } else {
        ::raise(SIGUSR1);
      }
    });
    loop.Post([] { ::raise(SIGUSR1); });
    bridge.Run();
    CHECK_EQ(signals, 2);
  });
}

}  // namespace fusebay::test
