// QMP for tests: every command of the schema, with handlers that do nothing, and tasks run at once.
#pragma once
#include <optional>
#include <string>
#include <utility>

#include "base/assert.h"
#include "core/task.h"
#include "qapi/generated/commands.h"
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

struct AddStub {
  QmpCommands& commands;

  template <class Command>
  void operator()() const {
    using Answer = Result<typename Command::Return, QmpError>;
    if (commands.Find(Command::kInfo.name) == nullptr) {
      commands.Add<Command>([](typename Command::Arguments, QmpSession&) {
        return Task<Answer>(Answer(QmpError(std::string(kStubError))));
      });
    }
  }
};

inline QmpVersion StubVersion() { return {.major = 7, .minor = 2, .micro = 0, .package = "stub"}; }

// The control commands, and the others as stubs: they check their arguments and then fail.
inline void AddAllCommands(QmpCommands& commands) {
  AddControlCommands(commands, StubVersion());
  ForEachCommand(AddStub{commands});
}

}  // namespace fusebay::qapi
