// Checks requests and runs their commands.
#include <fmt/format.h>

#include <utility>

#include "base/assert.h"
#include "qapi/qmp.h"

namespace fusebay::qapi {

namespace {

constexpr std::string_view kExecute = "execute";
constexpr std::string_view kExecuteOob = "exec-oob";
constexpr std::string_view kNegotiate = "qmp_capabilities";

struct Request {
  std::string_view command;
  bool oob = false;
  const JsonValue* arguments = nullptr;  // nullptr: none
};

QmpError Generic(std::string text) { return QmpError(std::move(text)); }

Result<Unit, QmpError> TakeCommand(const JsonMember& member, Request& request) {
  const std::string* const name = member.value.AsString();
  if (name == nullptr) {
    return Generic(fmt::format("QMP input member '{}' must be a string", member.key));
  }
  if (request.command.data() != nullptr) {
    return Generic(fmt::format("QMP input member '{}' clashes with '{}'", kExecute, kExecuteOob));
  }
  request.command = *name;
  request.oob = member.key == kExecuteOob;
  return Unit{};
}

Result<Request, QmpError> CheckRequest(const JsonValue& value, const QmpSession& session) {
  const JsonDict* const dict = value.AsDict();
  if (dict == nullptr) {
    return Generic("QMP input must be a JSON object");
  }
  Request request;
  for (const JsonMember& member : *dict) {
    if (member.key == kExecute || (member.key == kExecuteOob && session.oob)) {
      FB_TRY(TakeCommand(member, request));
    } else if (member.key == "arguments") {
      if (member.value.AsDict() == nullptr) {
        return Generic("QMP input member 'arguments' must be an object");
      }
      request.arguments = &member.value;
    } else if (member.key != "id") {
      return Generic(fmt::format("QMP input member '{}' is unexpected", member.key));
    }
  }
  if (request.command.data() == nullptr) {
    return Generic("QMP input lacks member 'execute'");
  }
  return request;
}

Result<const QmpCommands::Entry*, QmpError> FindCommand(const QmpCommands& commands,
                                                        const QmpSession& session,
                                                        const Request& request) {
  if (!session.negotiated && request.command != kNegotiate) {
    return QmpError(QmpErrorClass::kCommandNotFound,
                    "Expecting capabilities negotiation with 'qmp_capabilities'");
  }
  const QmpCommands::Entry* const entry = commands.Find(request.command);
  if (entry == nullptr) {
    return QmpError(QmpErrorClass::kCommandNotFound,
                    fmt::format("The command {} has not been found", request.command));
  }
  if (request.oob && !entry->info.allow_oob) {
    return Generic(fmt::format("The command {} does not support OOB", request.command));
  }
  return entry;
}

Task<Result<JsonValue, QmpError>> Run(const QmpCommands& commands, QmpSession& session,
                                      const JsonValue& value) {
  CO_ASSIGN(const Request request, CheckRequest(value, session));
  CO_ASSIGN(const QmpCommands::Entry* const entry, FindCommand(commands, session, request));
  const JsonValue none = JsonDict();
  const JsonValue& arguments = request.arguments != nullptr ? *request.arguments : none;
  Result<JsonValue, QmpError> result = co_await entry->run(arguments, session);
  co_return std::move(result);
}

std::string_view ClassName(QmpErrorClass error_class) {
  switch (error_class) {
    case QmpErrorClass::kGenericError:
      return "GenericError";
    case QmpErrorClass::kCommandNotFound:
      return "CommandNotFound";
    case QmpErrorClass::kDeviceNotActive:
      return "DeviceNotActive";
    case QmpErrorClass::kDeviceNotFound:
      return "DeviceNotFound";
    case QmpErrorClass::kKvmMissingCap:
      return "KVMMissingCap";
  }
  return {};
}

JsonValue ErrorObject(const QmpError& error) {
  return JsonDict{{"class", ClassName(error.error_class)}, {"desc", error.description}};
}

}  // namespace

void QmpCommands::AddRaw(const QmpCommandInfo& info, RawHandler handler) {
  const bool added = entries_.emplace(info.name, Entry{info, std::move(handler)}).second;
  FB_ASSERT(added);
}

const QmpCommands::Entry* QmpCommands::Find(std::string_view name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second;
}

bool VisitValue(InputVisitor& visitor, std::string_view name, Unit& /*out*/) {
  return visitor.StartStruct(name) && visitor.EndStruct(true);
}

bool IsOutOfBand(const JsonValue& request, const QmpSession& session) {
  const JsonDict* const dict = request.AsDict();
  return session.oob && dict != nullptr && dict->Find(kExecuteOob) != nullptr;
}

Task<JsonValue> Dispatch(const QmpCommands& commands, QmpSession& session, JsonValue request) {
  const Result<JsonValue, QmpError> result = co_await Run(commands, session, request);
  const JsonDict* const dict = request.AsDict();
  const JsonValue* const id = dict != nullptr ? dict->Find("id") : nullptr;
  JsonDict reply;
  if (result.ok()) {
    reply.Set("return", *result);
  }
  if (id != nullptr) {
    reply.Set("id", *id);
  }
  if (!result.ok()) {
    reply.Set("error", ErrorObject(result.error()));
  }
  co_return JsonValue(std::move(reply));
}

JsonValue ErrorReply(const QmpError& error) { return JsonDict{{"error", ErrorObject(error)}}; }

JsonValue ParseErrorReply(const Error& error) { return ErrorReply(QmpError(error)); }

}  // namespace fusebay::qapi
