// The commands about chardevs.
#include <fmt/format.h>

#include <utility>

#include "qapi/chardev.h"
#include "qapi/generated/commands.h"
#include "qapi/qmp.h"

namespace fusebay::qapi {

namespace {

Task<Result<ChardevReturn, QmpError>> AddChardev(Chardevs& chardevs,
                                                 ChardevAddArguments arguments) {
  const std::string id = arguments.id;
  if (chardevs.Has(id)) {
    co_return QmpError(fmt::format("Chardev with id '{}' already exists", id));
  }
  const auto fail = [&id](const Error& error) {
    return QmpError(fmt::format("Failed to add chardev '{}': {}", id, error.message));
  };
  Result<ChardevConfig, Error> config = ChardevConfigOf(id, arguments.backend);
  if (!config.ok()) {
    co_return fail(config.error());
  }
  const Result<Unit, Error> added = co_await chardevs.Add(std::move(*config));
  if (!added.ok()) {
    co_return fail(added.error());
  }
  co_return ChardevReturn{};
}

Result<Unit, QmpError> RemoveChardev(Chardevs& chardevs, const std::string& id) {
  const Result<Unit, Error> removed = chardevs.Remove(id);
  if (!removed.ok()) {
    return QmpError(removed.error());
  }
  return Unit{};
}

std::vector<ChardevBackendInfo> Backends() { return {{"null"}, {"socket"}, {"stdio"}}; }

}  // namespace

void AddChardevCommands(QmpCommands& commands, Chardevs& chardevs) {
  commands.Add<ChardevAddCommand>([&chardevs](ChardevAddArguments arguments, QmpSession&) {
    return AddChardev(chardevs, std::move(arguments));
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
