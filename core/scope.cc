// The driver of spawned tasks.
#include "core/scope.h"

namespace fusebay {

void TaskScope::Spawn(Task<Unit> task) {
  ++running_;
  idle_.Reset();
  Drive(*this, std::move(task));
}

Detached TaskScope::Drive(TaskScope& scope, Task<Unit> task) {
  co_await std::move(task);
  FB_ASSERT(scope.running_ > 0);
  --scope.running_;
  if (scope.running_ == 0) {
    scope.idle_.Set();
  }
}

Task<Unit> TaskScope::Join() {
  while (running_ != 0) {
    co_await idle_.Wait();
  }
  co_return Unit{};
}

}  // namespace fusebay
