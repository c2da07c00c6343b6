// io_uring for the files of a loop that waits in epoll.
#include "core_fixture.h"

namespace fusebay::test {

namespace {

Task<std::int32_t> ReadPage(AioContext& loop, int fd, EngineKind kind) {
  Buffer buffer = loop.buffers().Get(4096);
  const std::int32_t n = co_await loop.Read(fd, 0, buffer.vec(), 0, kind);
  co_return n;
}

Task<std::int32_t> PollPipe(AioContext& loop, int fd) {
  const std::int32_t n = co_await loop.Poll(fd, 1);
  co_return n;
}

}  // namespace

TEST(ReadsThroughTheSecondRingAndPollsThroughEpollCoexist) {
  WorkerPool workers(1);
  const Loop loop = MakeLoop(workers, EngineKind::kThreads);
  CHECK_OK(loop->RequireEngine(EngineKind::kIoUring));
  const UniqueFd file = TemporaryFile();
  CHECK_EQ(::ftruncate(file.get(), 4096), 0);
  const Pipe pipe;
  pipe.Put();
  for (int i = 0; i < 100; ++i) {
    CHECK_EQ(loop->RunUntilDone(ReadPage(*loop, file.get(), EngineKind::kIoUring)), 4096);
    CHECK_EQ(loop->RunUntilDone(PollPipe(*loop, pipe.reader.get())), 1);
  }
}

}  // namespace fusebay::test
