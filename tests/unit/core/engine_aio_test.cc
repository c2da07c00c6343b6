// The libaio engine: direct reads, more than fit at a time, and refusals.
#include <fcntl.h>

#include "core/scope.h"
#include "core_fixture.h"

namespace fusebay::test {

namespace {

Task<std::int32_t> ReadPage(AioContext& loop, int fd, EngineKind kind) {
  Buffer buffer = loop.buffers().Get(4096);
  const std::int32_t n = co_await loop.Read(fd, 0, buffer.vec(), 0, kind);
  co_return n;
}

Task<Unit> CountPage(AioContext& loop, int fd, EngineKind kind, int& good) {
  const std::int32_t n = co_await ReadPage(loop, fd, kind);
  good += n == 4096 ? 1 : 0;
  co_return Unit{};
}

Task<int> ReadPages(AioContext& loop, int fd, EngineKind kind, int count) {
  int good = 0;
  TaskScope scope;
  for (int i = 0; i < count; ++i) {
    scope.Spawn(CountPage(loop, fd, kind, good));
  }
  co_await scope.Join();
  co_return good;
}

}  // namespace

TEST(MoreDirectReadsThanFitAllComplete) {
  const UniqueFd file = TemporaryFile();
  CHECK_EQ(::ftruncate(file.get(), 4096), 0);
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  const UniqueFd direct(::open(path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
  if (!direct) {
    Skip("the temporary directory has no O_DIRECT");
  }
  WorkerPool workers(1);
  const Loop loop = MakeLoop(workers);
  CHECK_OK(loop->RequireEngine(EngineKind::kNative));
  CHECK_EQ(loop->RunUntilDone(ReadPages(*loop, direct.get(), EngineKind::kNative, 300)), 300);
}

TEST(OperationThatTheKernelRefusesFailsAlone) {
  WorkerPool workers(1);
  const Loop loop = MakeLoop(workers);
  const UniqueFd file = TemporaryFile();
  CHECK_EQ(::ftruncate(file.get(), 4096), 0);
  CHECK_OK(loop->RequireEngine(EngineKind::kNative));
  CHECK_EQ(loop->RunUntilDone(ReadPage(*loop, 1'000'000, EngineKind::kNative)), -EBADF);
  CHECK_EQ(loop->RunUntilDone(ReadPage(*loop, file.get(), EngineKind::kNative)), 4096);
}

}  // namespace fusebay::test
