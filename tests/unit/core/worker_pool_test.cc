// WorkerPool: every job runs once, in bounded parallelism, and may be taken back before.
#include "core/worker_pool.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "check.h"

namespace fusebay::test {

namespace {

// A door that jobs wait at.
struct Door {
  void Wait() {
    std::unique_lock lock(mutex);
    ++waiting;
    changed.notify_all();
    changed.wait(lock, [this] { return open; });
  }
  void WaitForVisitors(int count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this, count] { return waiting >= count; });
  }
  void Open() {
    const std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
  std::mutex mutex;
  std::condition_variable changed;
  int waiting = 0;
  bool open = false;
};

struct Job : WorkerJob {
  Job() { run = &Job::Run; }
  static void Run(WorkerJob& base) {
    Job& self = static_cast<Job&>(base);
    if (self.door != nullptr) {
      self.door->Wait();
    }
    self.thread = std::this_thread::get_id();
    ++self.runs;
  }
  void Finish() const {
    while (runs == 0) {
      std::this_thread::yield();
    }
  }
  Door* door = nullptr;
  std::thread::id thread;
  std::atomic<int> runs = 0;
};

}  // namespace

TEST(EveryJobRunsOnceOnAnotherThread) {
  std::vector<Job> jobs(1000);
  {
    WorkerPool pool(4);
    for (Job& job : jobs) {
      pool.Submit(job);
    }
    for (const Job& job : jobs) {
      job.Finish();
    }
  }
  std::set<std::thread::id> threads;
  for (const Job& job : jobs) {
    CHECK_EQ(job.runs.load(), 1);
    threads.insert(job.thread);
  }
  CHECK(threads.size() <= 4);
  CHECK_EQ(threads.count(std::this_thread::get_id()), 0U);
}

TEST(JobsRunAtTheSameTime) {
  WorkerPool pool(3);
  Door door;
  std::vector<Job> jobs(3);
  for (Job& job : jobs) {
    job.door = &door;
    pool.Submit(job);
  }
  door.WaitForVisitors(3);  // hangs if they ran one after another
  door.Open();
  for (const Job& job : jobs) {
    job.Finish();
  }
}

TEST(JobNotBegunIsWithdrawn) {
  WorkerPool pool(1);
  Door door;
  Job first;
  first.door = &door;
  Job second;
  pool.Submit(first);
  pool.Submit(second);
  door.WaitForVisitors(1);
  CHECK(pool.Withdraw(second));
  CHECK(!pool.Withdraw(first));
  door.Open();
  first.Finish();
  CHECK_EQ(second.runs.load(), 0);
}

TEST(AnyThreadMaySubmit) {
  WorkerPool pool(2);
  std::vector<Job> jobs(300);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 100; ++i) {
        pool.Submit(jobs[100 * t + i]);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const Job& job : jobs) {
    job.Finish();
  }
}

}  // namespace fusebay::test
