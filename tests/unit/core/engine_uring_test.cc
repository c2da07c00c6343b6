// The io_uring engine: what every wait engine does, and its look without a system call.
#include "engines.h"

static constexpr auto kMakeEngine = &fusebay::MakeUringEngine;

#include "wait_engine_cases.h"

namespace fusebay::test {

TEST(PeekSeesACompletionOnceAndCostsNothingElse) {
  Bench bench;
  CHECK(!bench.engine->Peek());
  const UniqueFd file = TemporaryFile();
  CHECK_EQ(::ftruncate(file.get(), 512), 0);
  std::string text(512, 'x');
  const iovec memory = Memory(text);
  IoOp op(IoOp::Kind::kRead, file.get());
  op.SetData(IoVec::Of(memory));
  bench.engine->Queue(op);
  CHECK(!bench.engine->Peek());
  bench.engine->Submit();
  while (!bench.engine->Peek()) {
  }
  CHECK(bench.ready.Pop() == &op);
  CHECK_EQ(op.result, 512);
  CHECK(!bench.engine->Peek());
}

TEST(LoopsNameThisEngine) {
  WorkerPool workers(1);
  CHECK_EQ(MakeLoop(workers, EngineKind::kIoUring)->engine_name(), "io_uring");
}

}  // namespace fusebay::test
