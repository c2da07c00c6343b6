// The handlers of the stubs: each command is compiled here, once for all tests.
#include "qmp_stub.h"

#include <string>

#include "qapi/generated/commands.h"

namespace fusebay::qapi {
namespace {

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

}  // namespace

QmpVersion StubVersion() { return {.major = 7, .minor = 2, .micro = 0, .package = "stub"}; }

void AddStubs(QmpCommands& commands) { ForEachCommand(AddStub{commands}); }

void AddAllCommands(QmpCommands& commands) {
  AddControlCommands(commands, StubVersion());
  AddStubs(commands);
}

}  // namespace fusebay::qapi
