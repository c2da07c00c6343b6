// What options make, and the end of everything.
#include "daemon.h"

#include <fmt/format.h>

#include "qapi/generated/commands.h"

namespace fusebay {

namespace {

// The version of QEMU whose interface this is, and ours.
qapi::QmpVersion Version() { return {7, 2, 0, "fusebay " FUSEBAY_VERSION}; }

Result<Unit, Error> AsError(const Result<Unit, qapi::QmpError>& result) {
  if (result.ok()) {
    return Unit{};
  }
  return Error{Errno(EINVAL), result.error().description};
}

}  // namespace

Daemon::Daemon(AioContext& control, WorkerPool& workers, bool in_background)
    : in_background_(in_background),
      monitors_(commands_, Version()),
      objects_(workers),
      loops_(workers, DataLoops::DefaultCount()),
      events_(graph_, jobs_, monitors_, control),
      nodes_(graph_),
      queries_(graph_),
      job_commands_(graph_, jobs_),
      exports_(graph_, objects_, loops_, monitors_),
      export_commands_(exports_.exports(), exports_) {
  AddControlCommands(commands_, Version());
  AddChardevCommands(commands_, chardevs_);
  AddObjectCommands(commands_, objects_);
  nodes_.AddTo(commands_);
  nodes_.SetSettle([this] { return exports_.exports().SettleClients(); });
  queries_.AddTo(commands_);
  job_commands_.AddTo(commands_);
  export_commands_.AddTo(commands_);
  commands_.Add<qapi::QuitCommand>([this](Unit, qapi::QmpSession&) {
    RequestStop();
    return Task<Result<Unit, qapi::QmpError>>(Unit{});
  });
  FB_ASSERT(commands_.Missing().empty());
}

Daemon::~Daemon() = default;

Task<Result<Unit, Error>> Daemon::Do(const DaemonStep& step) {
  if (step.option == "object") {
    return AddObject(step.text);
  }
  if (step.option == "chardev") {
    return AddChardev(step.text);
  }
  if (step.option == "blockdev") {
    return AddNode(step.text);
  }
  if (step.option == "export") {
    return AddExport(step.text);
  }
  FB_ASSERT(step.option == "monitor");
  return AddMonitor(step);
}

Task<Result<Unit, Error>> Daemon::AddObject(std::string text) {
  CO_ASSIGN(auto options, qapi::FromOption<qapi::ObjectOptions>(text, "qom-type"));
  const Result<Unit, Error> added = co_await objects_.Add(std::move(options));
  co_return added;
}

Task<Result<Unit, Error>> Daemon::AddChardev(std::string text) {
  CO_ASSIGN(qapi::ChardevConfig config, qapi::ParseChardevOption(text));
  if (in_background_ && std::holds_alternative<qapi::StdioChardevConfig>(config.backend)) {
    co_return Error{Errno(EINVAL), "cannot use stdio with --daemonize"};
  }
  const Result<Unit, Error> added = co_await chardevs_.Add(std::move(config));
  co_return added;
}

Task<Result<Unit, Error>> Daemon::AddNode(std::string text) {
  CO_ASSIGN(auto options, qapi::FromOption<qapi::BlockdevOptions>(text, "driver"));
  const Result<Unit, qapi::QmpError> added = co_await nodes_.Add(std::move(options));
  co_return AsError(added);
}

Task<Result<Unit, Error>> Daemon::AddExport(std::string text) {
  CO_ASSIGN(auto options, qapi::FromOption<qapi::BlockExportOptions>(text, "type"));
  const Result<Unit, qapi::QmpError> added = co_await export_commands_.Add(std::move(options));
  co_return AsError(added);
}

Result<Unit, Error> Daemon::AddMonitor(const DaemonStep& step) {
  FB_ASSIGN(auto options, qapi::FromOption<qapi::MonitorOptions>(step.text, "chardev"));
  if (!chardevs_.Has(options.chardev)) {
    return Error{Errno(ENOENT), fmt::format("chardev \"{}\" not found", options.chardev)};
  }
  waiting_monitors_.emplace_back(step.Name(), std::move(options));
  return Unit{};
}

Result<Unit, Error> Daemon::Serve() {
  for (const auto& [name, options] : waiting_monitors_) {
    const Result<Unit, Error> added = monitors_.Add(options, chardevs_);
    if (!added.ok()) {
      return Error{added.error().code, fmt::format("{}: {}", name, added.error().message)};
    }
  }
  waiting_monitors_.clear();
  return Unit{};
}

void Daemon::RequestStop() {
  monitors_.HoldRequests();
  chardevs_.Stop();
  stop_requested_.Set();
}

Task<Result<Unit, Error>> Daemon::Stop() {
  RequestStop();
  // The command that runs has nodes in its hands, or is about to mount.
  co_await monitors_.AwaitCommands();
  Result<Unit, Error> outcome = co_await exports_.exports().StopAll();
  co_await jobs_.CancelAll();
  const Result<Unit, Error> closed = co_await graph_.CloseAll();
  if (outcome.ok()) {
    outcome = closed;
  }
  // A client that sees its connection end may start the next daemon at the same place.
  co_await monitors_.StopAccepting();
  chardevs_.Close();
  co_await monitors_.Stop();
  co_return outcome;
}

void Daemon::CutOff() {
  exports_.CutOff();
  chardevs_.Close();
}

}  // namespace fusebay
