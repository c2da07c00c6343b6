// DataLoops: the threads that serve the exports for which the user has named none.
#pragma once
#include <memory>
#include <vector>

#include "core/loop_thread.h"

namespace fusebay {

class DataLoops {
 public:
  static constexpr unsigned kMaxByDefault = 4;

  // One loop per CPU, at most kMaxByDefault.
  static unsigned DefaultCount();

  DataLoops(WorkerPool& workers, unsigned count) : workers_(workers), count_(count) {}
  DataLoops(const DataLoops&) = delete;
  DataLoops& operator=(const DataLoops&) = delete;

  // The loops, which live as long as this object; the first call starts them.
  Result<std::vector<AioContext*>, Error> Get();

 private:
  WorkerPool& workers_;
  const unsigned count_;
  std::vector<std::unique_ptr<LoopThread>> threads_;
};

}  // namespace fusebay
