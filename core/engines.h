// How a loop makes its engines. Internal to core.
//
// A wait engine puts completed ops into `ready`. An extra engine only does I/O; what it cannot do
// itself it hands to `wait`, through which it also learns of completions.
#pragma once
#include <memory>

#include "base/result.h"
#include "core/io_engine.h"
#include "core/worker_pool.h"

namespace fusebay {

Result<std::unique_ptr<WaitEngine>, Error> MakeUringEngine(ReadyQueue& ready, WorkerPool& workers);
Result<std::unique_ptr<WaitEngine>, Error> MakeEpollEngine(ReadyQueue& ready, WorkerPool& workers);

std::unique_ptr<IoEngine> MakeWorkerEngine(WaitEngine& wait, WorkerPool& workers);
Result<std::unique_ptr<IoEngine>, Error> MakeAioEngine(ReadyQueue& ready, WaitEngine& wait);
// Makes `inner` an extra engine: its fd is polled through `wait`.
std::unique_ptr<IoEngine> MakePolledEngine(std::unique_ptr<WaitEngine> inner, WaitEngine& wait);

}  // namespace fusebay
