// WorkerPool: threads for calls that may block. One for the process, made by main and handed down.
//
// Threads start on demand up to a maximum and end when idle for 10 s. Jobs beyond the maximum wait
// in FIFO order. Any thread may Submit.
#pragma once
#include <cstddef>
#include <memory>

namespace fusebay {

struct WorkerJob {
  void (*run)(WorkerJob& job) = nullptr;
  WorkerJob* next = nullptr;
};

class WorkerPool {
 public:
  static constexpr std::size_t kDefaultThreads = 16;

  explicit WorkerPool(std::size_t max_threads = kDefaultThreads);
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  ~WorkerPool();  // REQUIRES: every job has run. Joins the threads.

  // job.run(job) is called once on a worker; the job lives until then, and the call may end it.
  void Submit(WorkerJob& job);
  // Takes a job back that no worker has begun. Returns false when it is too late.
  bool Withdraw(WorkerJob& job);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fusebay
