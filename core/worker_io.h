// WorkerIo: does an IoOp by plain system calls on a worker thread and completes it through
// ScheduleFrom. The common part of the engines; internal to core.
#pragma once
#include "core/io_engine.h"
#include "core/worker_pool.h"

namespace fusebay {

class WorkerIo {
 public:
  explicit WorkerIo(WorkerPool& workers) : workers_(workers) {}

  // REQUIRES: called inside the loop; op is no kPoll.
  void Queue(IoOp& op);
  // Takes an op back that no worker has begun, and completes it with -ECANCELED.
  void Cancel(IoOp& op);

 private:
  WorkerPool& workers_;
};

}  // namespace fusebay
