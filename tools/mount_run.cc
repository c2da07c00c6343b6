// RunMount: builds the loops, puts the server into the background and answers signals.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <optional>

#include "core/glib_bridge.h"
#include "core/log.h"
#include "daemonize.h"
#include "data_loops.h"
#include "fuse/mount_table.h"
#include "mount_request.h"
#include "mount_service.h"
#include "runtime.h"
#include "subcommand.h"

namespace fusebay {

namespace {

constexpr std::string_view kCommand = "mount";

unsigned LoopCount(const MountRequest& request) {
  return request.loops != 0 ? request.loops : DataLoops::DefaultCount();
}

Result<std::vector<std::unique_ptr<LoopThread>>, Error> StartLoops(const MountRequest& request,
                                                                   WorkerPool& workers) {
  std::vector<std::unique_ptr<LoopThread>> loops;
  for (unsigned i = 0; i < LoopCount(request); ++i) {
    AioContextOptions options{.name = fmt::format("fusebay-io{}", i)};
    if (request.poll_max_ns >= 0) {
      options.poll_max = Nanoseconds(request.poll_max_ns);
    }
    FB_ASSIGN(std::unique_ptr<LoopThread> loop, LoopThread::Start(options, workers));
    loops.push_back(std::move(loop));
  }
  return loops;
}

// The server of one `fusebay mount`, after the fork.
class MountProcess {
 public:
  MountProcess(const MountRequest& request, Daemonizer& daemonizer)
      : request_(request), daemonizer_(daemonizer) {}

  int Run();

 private:
  Task<Unit> Main();
  void OnReady();
  void OnSignal();
  void Register();

  const MountRequest& request_;
  Daemonizer& daemonizer_;
  std::optional<GlibBridge> bridge_;
  std::optional<MountService> service_;
  std::optional<ExportRegistration> registration_;
  TaskScope scope_;
  bool stopping_ = false;
  bool ready_ = false;
  int exit_code_ = kExitOk;
};

int MountProcess::Run() {
  WorkerPool workers;
  auto control = AioContext::Create(
      {.name = "control", .poll_max = Nanoseconds{0}, .warn_of_stalls = false}, workers);
  auto loops = StartLoops(request_, workers);
  if (!control.ok() || !loops.ok()) {
    daemonizer_.Failed(control.ok() ? loops.error().message : control.error().message);
    return kExitFailure;
  }
  std::vector<AioContext*> data_loops;
  for (const std::unique_ptr<LoopThread>& loop : *loops) {
    data_loops.push_back(&loop->loop());
  }
  service_.emplace(request_, data_loops);
  bridge_.emplace(**control);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    bridge_->OnSignal(signal, [this] { OnSignal(); });
  }
  (*control)->Post([this] { scope_.Spawn(Main()); });
  bridge_->Run();
  bridge_.reset();
  service_.reset();
  return exit_code_;
}

Task<Unit> MountProcess::Main() {
  const Result<Unit, Error> served = co_await service_->Serve([this] { OnReady(); });
  registration_.reset();
  if (!served.ok()) {
    exit_code_ = kExitFailure;
    if (ready_) {
      LogError(served.error().message);
    } else {
      daemonizer_.Failed(served.error().message);
    }
  }
  bridge_->Quit();
  co_return Unit{};
}

void MountProcess::OnReady() {
  ready_ = true;
  Register();
  daemonizer_.Ready();
}

// For `fusebay list` and `fusebay umount`; the export works without.
void MountProcess::Register() {
  ExportRecord record{.image = service_->image_path(),
                      .format = service_->format(),
                      .node_name = std::string(MountService::kNodeName),
                      .writable = request_.image.writable,
                      .growable = request_.fuse.growable,
                      .cache = std::string(NameOf(request_.fuse.cache)),
                      .size = service_->size()};
  for (const std::string& mountpoint : service_->mountpoints()) {
    record.mounts.push_back({.mountpoint = mountpoint});
  }
  Result<ExportRegistration, Error> registered = ExportRegistration::Create(std::move(record));
  if (!registered.ok()) {
    LogWarning(registered.error().message);
    return;
  }
  registration_.emplace(std::move(*registered));
  service_->OnUnmounted([this](const std::string& mountpoint) {
    const Result<Unit, Error> dropped = registration_->Drop(mountpoint);
    if (!dropped.ok()) {
      LogWarning(dropped.error().message);
    }
  });
}

void MountProcess::OnSignal() {
  if (!stopping_) {
    stopping_ = true;
    service_->RequestStop();
    return;
  }
  // The user insists: what hangs is cut off, so that no dead mount stays behind.
  LogWarning("second signal: ending at once; what has not been flushed may be lost");
  service_->CutOff();
  ::_exit(kExitFailure);
}

}  // namespace

int RunMount(const MountRequest& request) {
  // No thread, loop or lock before the fork.
  Result<Daemonizer, Error> daemonizer = request.foreground
                                             ? Daemonizer::Foreground(std::string(kCommand))
                                             : Daemonizer::Fork(std::string(kCommand));
  if (!daemonizer.ok()) {
    PrintError(kCommand, daemonizer.error().message);
    return kExitFailure;
  }
  SetLogLevel(request.verbose ? LogLevel::kDebug : LogLevel::kWarning);
  ::signal(SIGPIPE, SIG_IGN);
  return MountProcess(request, *daemonizer).Run();
}

}  // namespace fusebay
