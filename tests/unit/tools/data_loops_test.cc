// Tests of the loops for exports without iothreads.
#include "data_loops.h"

#include "check.h"

using namespace fusebay;

TEST(LoopsAreMadeWhenTheyAreNeeded) {
  WorkerPool workers;
  DataLoops loops(workers, 2);
  const auto got = loops.Get();
  CHECK_OK(got);
  CHECK_EQ(got->size(), 2u);
  CHECK_EQ((*got)[1]->name(), "fusebay-io1");
}

TEST(LoopsAreMadeOnce) {
  WorkerPool workers;
  DataLoops loops(workers, 2);
  const auto first = loops.Get();
  const auto second = loops.Get();
  CHECK(*first == *second);
}

TEST(ThereIsAtLeastOneLoopAndAFewAtMost) {
  CHECK(DataLoops::DefaultCount() >= 1);
  CHECK(DataLoops::DefaultCount() <= DataLoops::kMaxByDefault);
}
