// TaskScope: the owner of detached tasks. Whatever is spawned must have ended before it dies.
// Belongs to one loop.
#pragma once
#include <cstddef>

#include "core/sync.h"
#include "core/task.h"

namespace fusebay {

class TaskScope {
 public:
  TaskScope() { idle_.Set(); }
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;
  ~TaskScope() { FB_ASSERT(running_ == 0); }

  // Starts the task at once, on this stack, until it first waits.
  void Spawn(Task<Unit> task);
  // Returns when everything spawned has ended, including what was spawned meanwhile.
  Task<Unit> Join();
  std::size_t running() const { return running_; }

 private:
  static Detached Drive(TaskScope& scope, Task<Unit> task);
  std::size_t running_ = 0;
  CoEvent idle_;
};

}  // namespace fusebay
