// LoopThread: a thread that runs one AioContext. The data loops are these.
#pragma once
#include <memory>
#include <thread>

#include "core/aio_context.h"

namespace fusebay {

class LoopThread {
 public:
  // Starts the thread; signals are blocked in it. The thread is named options.name.
  static Result<std::unique_ptr<LoopThread>, Error> Start(const AioContextOptions& options,
                                                          WorkerPool& workers);
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;
  ~LoopThread();  // stops the loop and joins. REQUIRES: no coroutine waits in it.

  AioContext& loop() { return *loop_; }

 private:
  explicit LoopThread(std::unique_ptr<AioContext> loop);
  std::unique_ptr<AioContext> loop_;
  std::thread thread_;
};

}  // namespace fusebay
