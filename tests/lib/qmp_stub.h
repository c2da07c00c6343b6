// QMP for tests: every command of the schema, with handlers that do nothing, and tasks run at once.
#pragma once
#include <optional>
#include <string_view>
#include <utility>

#include "base/assert.h"
#include "core/task.h"
#include "qapi/qmp.h"

namespace fusebay::qapi {

inline constexpr std::string_view kStubError = "the arguments are good";

// Runs a task that never waits.
template <class T>
T RunNow(Task<T> task) {
  struct Driver {
    static Detached Drive(Task<T> work, std::optional<T>& result) {
      result.emplace(co_await std::move(work));
    }
  };
  std::optional<T> result;
  Driver::Drive(std::move(task), result);
  FB_ASSERT(result.has_value());
  return std::move(*result);
}

QmpVersion StubVersion();

// Stubs of the commands that have no handler: they check their arguments and then fail.
void AddStubs(QmpCommands& commands);
// The control commands, and the others as stubs.
void AddAllCommands(QmpCommands& commands);

}  // namespace fusebay::qapi
