// Tests of the events of nodes and of the names of a job's states.
#include "block/qmp_block.h"
#include "qmp_fixture.h"

namespace fusebay::test {
namespace {

struct Scene {
  Bench bench;
  Jobs jobs;
  EventLog log;
  BlockEvents events{bench.graph, jobs, log, *bench.loop};

  void Turn() { bench.Run(Yielding()); }
  static Task<Unit> Yielding() {
    co_await AioContext::Current().Yield();
    co_await AioContext::Current().Yield();
    co_return Unit{};
  }
};

TEST(ACorruptionIsAnEvent) {
  Scene scene;
  CorruptionReporter reporter(scene.bench.graph, "q");
  reporter.Report("wrong entry", 65536, 512, /*fatal=*/true);
  scene.Turn();
  CHECK_EQ(scene.log.lines.size(), 1u);
  CHECK_EQ(scene.log.lines[0],
           std::string("BLOCK_IMAGE_CORRUPTED {\"device\": \"\", \"node-name\": \"q\", \"msg\": "
                       "\"wrong entry\", \"offset\": 65536, \"size\": 512, \"fatal\": true}"));
}

TEST(WhatIsNotKnownIsLeftOut) {
  Scene scene;
  CorruptionReporter reporter(scene.bench.graph, "q");
  reporter.Report("wrong", {}, {}, /*fatal=*/false);
  scene.Turn();
  CHECK_EQ(scene.log.lines[0],
           std::string("BLOCK_IMAGE_CORRUPTED {\"device\": \"\", \"node-name\": \"q\", \"msg\": "
                       "\"wrong\", \"fatal\": false}"));
}

TEST(AWriteAboveTheThresholdIsAnEvent) {
  Scene scene;
  FakeNode& node = scene.bench.AddFake("n", 65536);
  const BlockRef ref = scene.bench.Use(node);
  node.set_write_threshold(8192);
  CHECK_OK(scene.bench.Write(ref, 4096, Data(4096)));
  scene.Turn();
  CHECK_EQ(scene.log.lines.size(), 0u);
  CHECK_OK(scene.bench.Write(ref, 8000, Data(512)));
  CHECK_OK(scene.bench.Write(ref, 8000, Data(512)));
  scene.Turn();
  CHECK_EQ(scene.log.lines.size(), 1u);
  CHECK_EQ(scene.log.lines[0],
           std::string("BLOCK_WRITE_THRESHOLD {\"node-name\": \"n\", \"amount-exceeded\": 320, "
                       "\"write-threshold\": 8192}"));
  CHECK_EQ(node.write_threshold(), 0u);
}

TEST(StatesHaveTheSameNames) {
  for (unsigned i = 0; i <= static_cast<unsigned>(JobStatus::kNull); ++i) {
    const auto status = static_cast<JobStatus>(i);
    CHECK_EQ(std::string(qapi::EnumName(ToQapi(status))), std::string(NameOf(status)));
  }
}

}  // namespace
}  // namespace fusebay::test
