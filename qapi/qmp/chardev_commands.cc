// The commands about chardevs.
#include <fmt/format.h>

#include <utility>

#include "qapi/chardev.h"
#include "qapi/generated/commands.h"
#include "qapi/qmp.h"

namespace fusebay::qapi {

namespace {

QmpError NotAdded(const std::string& id, const Error& error) {
  return QmpError(fmt::format("Failed to add chardev '{}': {}", id, error.message));
}

Task<Result<ChardevReturn, QmpError>> AddChardev(Chardevs& chardevs,
                                                 ChardevAddArguments arguments) {
  if (chardevs.Has(arguments.id)) {
    co_return QmpError(fmt::format("Chardev with id '{}' already exists", arguments.id));
  }
  Result<ChardevConfig, Error> config = ChardevConfigOf(arguments.id, arguments.backend);
  if (!config.ok()) {
    co_return NotAdded(arguments.id, config.error());
  }
  const Result<Unit, Error> added = co_await chardevs.Add(std::move(*config));
  if (!added.ok()) {
    co_return NotAdded(arguments.id, added.error());
  }
  co_return ChardevReturn{};
}

Task<Result<ChardevReturn, QmpError>> ChangeChardev(Chardevs& chardevs,
                                                    ChardevChangeArguments arguments) {
  if (!chardevs.Has(arguments.id)) {
    co_return QmpError(fmt::format("Chardev '{}' does not exist", arguments.id));
  }
  // What cannot be right is said before anything is closed.
  const Result<ChardevConfig, Error> config = ChardevConfigOf(arguments.id, arguments.backend);
  if (!config.ok()) {
    co_return NotAdded(arguments.id, config.error());
  }
  const Result<Unit, Error> removed = chardevs.Remove(arguments.id);
  if (!removed.ok()) {
    co_return QmpError("Chardev user does not support chardev hotswap");
  }
  const Result<ChardevReturn, QmpError> added = co_await AddChardev(
      chardevs, {.id = std::move(arguments.id), .backend = std::move(arguments.backend)});
  co_return added;
}

Result<Unit, QmpError> RemoveChardev(Chardevs& chardevs, const std::string& id) {
  const Result<Unit, Error> removed = chardevs.Remove(id);
  if (!removed.ok()) {
    return QmpError(removed.error());
  }
  return Unit{};
}

std::vector<ChardevBackendInfo> Backends() { return {{"file"}, {"null"}, {"socket"}, {"stdio"}}; }

}  // namespace

void AddChardevCommands(QmpCommands& commands, Chardevs& chardevs) {
  commands.Add<ChardevAddCommand>([&chardevs](ChardevAddArguments arguments, QmpSession&) {
    return AddChardev(chardevs, std::move(arguments));
  });
  commands.Add<ChardevChangeCommand>([&chardevs](ChardevChangeArguments arguments, QmpSession&) {
    return ChangeChardev(chardevs, std::move(arguments));
  });
  commands.Add<ChardevRemoveCommand>(
      [&chardevs](const ChardevRemoveArguments& arguments, QmpSession&) {
        return Task<Result<Unit, QmpError>>(RemoveChardev(chardevs, arguments.id));
      });
  commands.Add<QueryChardevCommand>([&chardevs](Unit, QmpSession&) {
    return Task<Result<std::vector<ChardevInfo>, QmpError>>(chardevs.List());
  });
  commands.Add<QueryChardevBackendsCommand>([](Unit, QmpSession&) {
    return Task<Result<std::vector<ChardevBackendInfo>, QmpError>>(Backends());
  });
}

}  // namespace fusebay::qapi
