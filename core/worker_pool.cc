// Threads on demand, and the queue they take jobs from.
#include "core/worker_pool.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/assert.h"
#include "base/list.h"

namespace fusebay {

namespace {

constexpr std::chrono::seconds kIdleLimit(10);

}  // namespace

struct WorkerPool::Impl {
  using Threads = std::list<std::thread>;

  explicit Impl(std::size_t max) : max_threads(max) {}
  void Work(Threads::iterator self);
  bool StartThread();  // REQUIRES: mutex is held

  const std::size_t max_threads;
  std::mutex mutex;
  std::condition_variable wake;
  Fifo<WorkerJob> jobs;
  std::size_t queued = 0;
  std::size_t idle = 0;
  bool stopping = false;
  Threads threads;
  Threads ended;  // to be joined
};

// One worker: takes jobs until it has been idle for long, or the pool ends.
void WorkerPool::Impl::Work(Threads::iterator self) {
  std::unique_lock lock(mutex);
  for (;;) {
    if (WorkerJob* const job = jobs.Pop()) {
      --queued;
      lock.unlock();
      job->run(*job);
      lock.lock();
      continue;
    }
    if (stopping) {
      break;
    }
    ++idle;
    const auto status = wake.wait_for(lock, kIdleLimit);
    --idle;
    if (status == std::cv_status::timeout && jobs.empty()) {
      break;
    }
  }
  if (!stopping) {
    ended.splice(ended.end(), threads, self);
  }
}

bool WorkerPool::Impl::StartThread() {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  threads.emplace_back();
  const auto self = std::prev(threads.end());
  bool started = true;
  try {
    *self = std::thread([this, self] {
      pthread_setname_np(pthread_self(), "worker");
      Work(self);
    });
  } catch (const std::system_error&) {
    threads.erase(self);
    started = false;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

WorkerPool::WorkerPool(std::size_t max_threads) : impl_(std::make_unique<Impl>(max_threads)) {
  FB_ASSERT(max_threads > 0);
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(impl_->mutex);
    FB_ASSERT(impl_->jobs.empty());
    impl_->stopping = true;
    impl_->wake.notify_all();
  }
  for (Impl::Threads* const list : {&impl_->threads, &impl_->ended}) {
    for (std::thread& thread : *list) {
      thread.join();
    }
  }
}

void WorkerPool::Submit(WorkerJob& job) {
  FB_ASSERT(job.run != nullptr);
  Impl::Threads ended;
  {
    const std::lock_guard lock(impl_->mutex);
    FB_ASSERT(!impl_->stopping);
    impl_->jobs.Push(job);
    ++impl_->queued;
    ended.swap(impl_->ended);
    if (impl_->queued <= impl_->idle) {
      impl_->wake.notify_one();
    } else if (impl_->threads.size() < impl_->max_threads) {
      // When the system has no thread for us, those that run take the job later.
      const bool started = impl_->StartThread();
      FB_ASSERT(started || !impl_->threads.empty());
    }
  }
  for (std::thread& thread : ended) {
    thread.join();
  }
}

bool WorkerPool::Withdraw(WorkerJob& job) {
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->jobs.Remove(job)) {
    return false;
  }
  --impl_->queued;
  return true;
}

}  // namespace fusebay
