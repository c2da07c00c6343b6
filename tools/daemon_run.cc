// RunDaemon: goes to the background, answers signals, and tells those who wait when the daemon is
// ready and when it ends.
#include "daemon_run.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <optional>

#include "core/glib_bridge.h"
#include "core/log.h"
#include "daemon.h"
#include "daemonize.h"
#include "pid_file.h"
#include "service_manager.h"
#include "subcommand.h"

namespace fusebay {

namespace {

constexpr std::string_view kCommand = "daemon";

// The serving process, after the fork.
class DaemonProcess {
 public:
  DaemonProcess(const DaemonRequest& request, Daemonizer& daemonizer)
      : request_(request), daemonizer_(daemonizer) {}

  int Run();

 private:
  Task<Unit> Main();
  Task<Result<Unit, Error>> Start();
  void OnReady();
  void OnSignal();
  void Fail(std::string_view message);

  const DaemonRequest& request_;
  Daemonizer& daemonizer_;
  std::optional<GlibBridge> bridge_;
  std::optional<Daemon> daemon_;
  std::optional<PidFile> pid_file_;
  TaskScope scope_;
  bool ready_ = false;
  bool stopping_ = false;
  int exit_code_ = kExitOk;
};

// A service manager that does not listen is no reason to end.
void Notify(std::string_view state) {
  const Result<Unit, Error> told = NotifyManager(state);
  if (!told.ok()) {
    LogWarning(told.error().message);
  }
}

// Each export takes some descriptors, and shells give few: as many as the administrator allows.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));  // fewer exports, then
  }
}

int DaemonProcess::Run() {
  WorkerPool workers;
  auto control = AioContext::Create(
      {.name = "control", .poll_max = Nanoseconds{0}, .warn_of_stalls = false}, workers);
  if (!control.ok()) {
    daemonizer_.Failed(control.error().message);
    return kExitFailure;
  }
  daemon_.emplace(**control, workers, request_.daemonize);
  bridge_.emplace(**control);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    bridge_->OnSignal(signal, [this] { OnSignal(); });
  }
  (*control)->Post([this] { scope_.Spawn(Main()); });
  bridge_->Run();
  bridge_.reset();
  daemon_.reset();
  return exit_code_;
}

Task<Result<Unit, Error>> DaemonProcess::Start() {
  for (const DaemonStep& step : request_.steps) {
    const Result<Unit, Error> done = co_await daemon_->Do(step);
    if (daemon_->is_stopping()) {
      co_return Unit{};
    }
    if (!done.ok()) {
      co_return Error{done.error().code, fmt::format("{}: {}", step.Name(), done.error().message)};
    }
  }
  CO_TRY(daemon_->Serve());
  // Every socket and file is there before the pid file is.
  if (request_.pid_file.has_value()) {
    Result<PidFile, Error> made = PidFile::Create(*request_.pid_file);
    if (!made.ok()) {
      co_return Error{made.error().code, "cannot create PID file: " + made.error().message};
    }
    pid_file_.emplace(std::move(*made));
  }
  co_return Unit{};
}

Task<Unit> DaemonProcess::Main() {
  const Result<Unit, Error> started = co_await Start();
  if (started.ok() && !daemon_->is_stopping()) {
    OnReady();
    co_await daemon_->stop_requested().Wait();
    Notify("STOPPING=1");
  }
  const Result<Unit, Error> stopped = co_await daemon_->Stop();
  // Whoever waits for the pid file to go, or for this process's word, may start the next daemon.
  pid_file_.reset();
  if (!started.ok()) {
    Fail(started.error().message);
  } else if (!stopped.ok()) {
    Fail(stopped.error().message);
  } else if (!ready_ && request_.daemonize) {
    Fail("ended by a signal before it was ready");
  }
  bridge_->Quit();
  co_return Unit{};
}

void DaemonProcess::Fail(std::string_view message) {
  exit_code_ = kExitFailure;
  if (ready_) {
    LogError(message);
  } else {
    daemonizer_.Failed(message);
  }
}

void DaemonProcess::OnReady() {
  ready_ = true;
  daemonizer_.Ready();
  Notify(fmt::format("READY=1\nMAINPID={}", ::getpid()));
}

void DaemonProcess::OnSignal() {
  if (!stopping_) {
    stopping_ = true;
    daemon_->RequestStop();
    return;
  }
  // The user insists: what hangs is cut off, so that no dead mount stays behind.
  LogWarning("second signal: ending at once; what has not been flushed may be lost");
  daemon_->CutOff();
  pid_file_.reset();
  ::_exit(kExitFailure);
}

}  // namespace

int RunDaemon(const DaemonRequest& request) {
  TakeListenFds();
  // No thread, loop or lock before the fork.
  Result<Daemonizer, Error> daemonizer = request.daemonize
                                             ? Daemonizer::Fork(std::string(kCommand))
                                             : Daemonizer::Foreground(std::string(kCommand));
  if (!daemonizer.ok()) {
    PrintError(kCommand, daemonizer.error().message);
    return kExitFailure;
  }
  SetLogLevel(LogLevel::kWarning);
  std::signal(SIGPIPE, SIG_IGN);
  RaiseDescriptorLimit();
  return DaemonProcess(request, *daemonizer).Run();
}

}  // namespace fusebay
