// Starts the default loops when somebody needs them.
#include "data_loops.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace fusebay {

unsigned DataLoops::DefaultCount() {
  return std::clamp(std::thread::hardware_concurrency(), 1u, kMaxByDefault);
}

Result<std::vector<AioContext*>, Error> DataLoops::Get() {
  while (threads_.size() < count_) {
    const AioContextOptions options{.name = fmt::format("fusebay-io{}", threads_.size())};
    FB_ASSIGN(std::unique_ptr<LoopThread> thread, LoopThread::Start(options, workers_));
    threads_.push_back(std::move(thread));
  }
  std::vector<AioContext*> loops;
  for (const std::unique_ptr<LoopThread>& thread : threads_) {
    loops.push_back(&thread->loop());
  }
  return loops;
}

}  // namespace fusebay
