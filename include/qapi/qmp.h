// QMP without its transport: sessions, the table of commands, dispatch, events.
//
// A monitor owns a QmpSession and a JsonStream. It writes Greeting(), feeds what it reads to the
// stream, and for each item writes FormatJson(Dispatch(...)) or FormatJson(ParseErrorReply(...)),
// in the order of the requests; only IsOutOfBand(...) requests may overtake. Events go to the
// monitors whose session is negotiated.
//
// Commands are declared in qapi/schema/*.json; for each there is in "qapi/generated/commands.h"
//
//   struct BlockResizeCommand {
//     static constexpr QmpCommandInfo kInfo{.name = "block_resize", ...};
//     using Arguments = BlockResizeArguments;   // generated too, or the schema's type; Unit: none
//     using Return = Unit;                      // or the schema's type, std::vector<...>,
//     JsonValue
//   };
//
// and a handler is registered with its type:
//
//   Task<Result<Unit, QmpError>> Resize(BlockResizeArguments arguments, QmpSession& session);
//   commands.Add<BlockResizeCommand>(&Resize);
//   commands.Add<BlockResizeCommand>([this](auto arguments, QmpSession&) {   // calls a coroutine,
//     return Resize(std::move(arguments));                                   // is none itself
//   });
//
// For each event "qapi/generated/events.h" has struct JobStatusChangeEvent { members; kName; } and
// EventData(event); EmitEvent(sink, JobStatusChangeEvent{...}) sends it.
//
// Everything here belongs to the main loop's thread.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/task.h"
#include "qapi/json.h"
#include "qapi/visitor.h"

namespace fusebay::qapi {

enum class QmpErrorClass : std::uint8_t {
  kGenericError,
  kCommandNotFound,
  kDeviceNotActive,
  kDeviceNotFound,
  kKvmMissingCap,
};

struct QmpError {
  QmpErrorClass error_class = QmpErrorClass::kGenericError;
  std::string description;

  QmpError(QmpErrorClass c, std::string text) : error_class(c), description(std::move(text)) {}
  explicit QmpError(std::string text) : description(std::move(text)) {}
  // A control-path error is a GenericError of its message.
  QmpError(const Error& error) : description(error.message) {}
};

// What one client has negotiated. The monitor owns it; `qmp_capabilities` changes it.
struct QmpSession {
  bool negotiated = false;
  bool offers_oob = true;  // stands in the greeting
  bool oob = false;        // the client asked for it
};

struct QmpVersion {
  int major;
  int minor;
  int micro;
  std::string package;
};

struct QmpCommandInfo {
  std::string_view name;
  bool allow_oob = false;        // may run out of band
  bool allow_preconfig = false;  // may run before the command line is done
};

// The arguments are the handler's own; the session lives until the task is done.
template <class Command>
using CommandHandler = std::function<Task<Result<typename Command::Return, QmpError>>(
    typename Command::Arguments, QmpSession&)>;

class QmpCommands {
 public:
  using RawHandler =
      std::function<Task<Result<JsonValue, QmpError>>(const JsonValue& arguments, QmpSession&)>;
  struct Entry {
    QmpCommandInfo info;
    RawHandler run;
  };

  // REQUIRES: no handler of that command was added before.
  template <class Command>
  void Add(CommandHandler<Command> handler);
  void AddRaw(const QmpCommandInfo& info, RawHandler handler);

  // nullptr: there is none. Valid until the table dies.
  const Entry* Find(std::string_view name) const;
  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }
  // Commands of the schema that nobody has added: none in a complete daemon.
  std::vector<std::string_view> Missing() const;

 private:
  std::map<std::string, Entry, std::less<>> entries_;
};

// Adds qmp_capabilities, query-version, query-commands and query-qmp-schema. `commands` outlives
// what is added, being where it is added.
void AddControlCommands(QmpCommands& commands, QmpVersion version);

// Whether the request wants to run before those that wait: an "exec-oob" of a session with oob.
bool IsOutOfBand(const JsonValue& request, const QmpSession& session);

// Runs one request and returns the whole reply, {"return": ..., "id": ...} or {"error": ...}.
// `commands` and `session` live until the task is done.
Task<JsonValue> Dispatch(const QmpCommands& commands, QmpSession& session, JsonValue request);

// The reply to what was no JSON.
JsonValue ParseErrorReply(const Error& error);
// {"QMP": {"version": ..., "capabilities": [...]}}
JsonValue Greeting(const QmpVersion& version, const QmpSession& session);
// {"error": {"class": ..., "desc": ...}}
JsonValue ErrorReply(const QmpError& error);

// Where events go: every monitor that has negotiated.
class QmpEventSink {
 public:
  virtual ~QmpEventSink() = default;
  virtual void Emit(const JsonValue& event) = 0;
};

// {"timestamp": {"seconds": ..., "microseconds": ...}, "event": NAME, "data": {...}}, of now.
// An event without members has no "data".
JsonValue MakeEvent(std::string_view name, JsonValue data);

template <class Event>
void EmitEvent(QmpEventSink& sink, const Event& event) {
  sink.Emit(MakeEvent(Event::kName, EventData(event)));
}

// A root that is no object at all is the struct's matter; Unit has no members.
bool VisitValue(InputVisitor& visitor, std::string_view name, Unit& out);

template <class Command>
Task<Result<JsonValue, QmpError>> RunCommand(const CommandHandler<Command>& handler,
                                             const JsonValue& arguments, QmpSession& session) {
  using Arguments = typename Command::Arguments;
  Result<Arguments, Error> read = FromJson<Arguments>(arguments);
  if (!read.ok()) {
    co_return QmpError(read.error());
  }
  auto result = co_await handler(std::move(*read), session);
  if (!result.ok()) {
    co_return result.error();
  }
  co_return ToJson(*result);
}

template <class Command>
void QmpCommands::Add(CommandHandler<Command> handler) {
  AddRaw(Command::kInfo,
         [handler = std::move(handler)](const JsonValue& arguments, QmpSession& session) {
           return RunCommand<Command>(handler, arguments, session);
         });
}

}  // namespace fusebay::qapi
