// The commands that are about QMP itself, and the greeting.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "qapi/generated/commands.h"
#include "qapi/generated/introspect.h"
#include "qapi/json_stream.h"
#include "qapi/qmp.h"

namespace fusebay::qapi {

namespace {

Result<Unit, QmpError> Negotiate(const QmpCapabilitiesArguments& arguments, QmpSession& session) {
  if (session.negotiated) {
    return QmpError(QmpErrorClass::kCommandNotFound,
                    "Capabilities negotiation is already complete, command ignored");
  }
  const std::vector<QMPCapability> none;
  const std::vector<QMPCapability>& enable = arguments.enable ? *arguments.enable : none;
  const bool oob = std::find(enable.begin(), enable.end(), QMPCapability::kOob) != enable.end();
  if (oob && !session.offers_oob) {
    return QmpError("Capability oob not available");
  }
  session.oob = oob;
  session.negotiated = true;
  return Unit{};
}

VersionInfo ToVersionInfo(const QmpVersion& version) {
  VersionInfo info;
  info.qemu = {version.major, version.minor, version.micro};
  info.package = version.package;
  return info;
}

std::vector<CommandInfo> List(const QmpCommands& commands) {
  std::vector<CommandInfo> list;
  for (const auto& [name, entry] : commands.entries()) {
    list.push_back({name});
  }
  return list;
}

std::vector<SchemaInfo> Schema() {
  const Result<JsonValue, Error> value = ParseJson(SchemaJson());
  FB_ASSERT(value.ok());
  Result<std::vector<SchemaInfo>, Error> schema = FromJson<std::vector<SchemaInfo>>(*value);
  FB_ASSERT(schema.ok());
  return std::move(*schema);
}

}  // namespace

void AddControlCommands(QmpCommands& commands, QmpVersion version) {
  commands.Add<QmpCapabilitiesCommand>(
      [](const QmpCapabilitiesArguments& arguments, QmpSession& session) {
        return Task<Result<Unit, QmpError>>(Negotiate(arguments, session));
      });
  commands.Add<QueryVersionCommand>([info = ToVersionInfo(version)](Unit, QmpSession&) {
    return Task<Result<VersionInfo, QmpError>>(info);
  });
  commands.Add<QueryCommandsCommand>([&commands](Unit, QmpSession&) {
    return Task<Result<std::vector<CommandInfo>, QmpError>>(List(commands));
  });
  commands.Add<QueryQmpSchemaCommand>(
      [](Unit, QmpSession&) { return Task<Result<std::vector<SchemaInfo>, QmpError>>(Schema()); });
}

JsonValue Greeting(const QmpVersion& version, const QmpSession& session) {
  JsonList capabilities;
  if (session.offers_oob) {
    capabilities.push_back(ToJson(QMPCapability::kOob));
  }
  return JsonDict{{"QMP", JsonDict{{"version", ToJson(ToVersionInfo(version))},
                                   {"capabilities", std::move(capabilities)}}}};
}

}  // namespace fusebay::qapi
