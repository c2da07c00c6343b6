// The engine of aio=threads in a loop that waits in io_uring.
#include "core_fixture.h"
#include "engines.h"

namespace fusebay::test {

namespace {

Task<std::int32_t> ReadPage(AioContext& loop, int fd, EngineKind kind) {
  Buffer buffer = loop.buffers().Get(4096);
  const std::int32_t n = co_await loop.Read(fd, 0, buffer.vec(), 0, kind);
  co_return n;
}

}  // namespace

TEST(ReadIsDoneByAWorker) {
  WorkerPool workers(1);
  const Loop loop = MakeLoop(workers, EngineKind::kIoUring);
  const UniqueFd file = TemporaryFile();
  CHECK_EQ(::ftruncate(file.get(), 4096), 0);
  CHECK_OK(loop->RequireEngine(EngineKind::kThreads));
  CHECK_OK(loop->RequireEngine(EngineKind::kThreads));  // twice is fine
  CHECK_EQ(loop->RunUntilDone(ReadPage(*loop, file.get(), EngineKind::kThreads)), 4096);
}

TEST(PollsGoToTheWaitEngine) {
  WorkerPool workers(1);
  ReadyQueue ready;
  const auto wait = MakeEpollEngine(ready, workers);
  CHECK_OK(wait);
  const auto engine = MakeWorkerEngine(**wait, workers);
  CHECK_EQ(engine->name(), "threads");
  const Pipe pipe;
  IoOp op(IoOp::Kind::kPoll, pipe.reader.get());
  op.flags = 1;
  engine->Queue(op);
  engine->Cancel(op);
  CHECK(ready.Pop() == &op);
  CHECK_EQ(op.result, -ECANCELED);
}

}  // namespace fusebay::test
