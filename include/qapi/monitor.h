// Monitors: QMP over chardevs.
//
//   Monitors monitors(commands, version);
//   Result<MonitorOptions, Error> options = FromOption<MonitorOptions>("chardev=qmp", "chardev");
//   Result<Unit, Error> added = monitors.Add(*options, chardevs);         // begins to serve
//   EmitEvent(monitors, JobStatusChangeEvent{...});           // to every negotiated client
//   monitors.HoldRequests();                                  // `quit`: nothing more is begun
//   co_await monitors.AwaitCommands();                        // nor does anything run
//   co_await monitors.Stop();                                 // replies leave, connections end
//
// Every connection has its own session and negotiation. Its requests are read, run and answered in
// order; docs/protocols/qmp.md has the whole behaviour. Commands run one at a time in the whole
// daemon, so that two clients never change the graph at once; out-of-band ones run at once. What
// was received is run even if its client leaves meanwhile; the reply is dropped.
//
// Bounds: kMaxRequests requests of a connection wait, or kMaxRequestBytes, or its client leaves
// kMaxOutput bytes unread, then it is not read; a reply waits until less than kMaxOutput bytes wait
// before it; kMaxEventBytes of events wait, then the client is cut off
// and a warning logged. Descriptors that a client sends (SCM_RIGHTS) are not accepted: the kernel
// drops them.
//
// Everything here belongs to the main loop's thread, and runs inside the loop.
#pragma once
#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/clock.h"
#include "core/task.h"
#include "qapi/chardev.h"
#include "qapi/qmp.h"

namespace fusebay::qapi {

struct MonitorOptions;  // "qapi/generated/types.h"

class Monitors : public QmpEventSink {
 public:
  static constexpr std::size_t kMaxRequests = 8;
  static constexpr std::size_t kMaxRequestBytes = std::size_t{1} << 20;
  static constexpr std::size_t kMaxOutput = std::size_t{1} << 20;
  static constexpr std::size_t kMaxEventBytes = std::size_t{1} << 20;
  // How long Stop lets clients read what is theirs.
  static constexpr Nanoseconds kFlushTime = std::chrono::seconds(1);

  // `commands` outlives the monitors; what is added to it later counts.
  Monitors(const QmpCommands& commands, QmpVersion version);
  Monitors(const Monitors&) = delete;
  Monitors& operator=(const Monitors&) = delete;
  ~Monitors() override;  // REQUIRES: Stop is done, or nothing was added.

  // Takes the chardev and serves whoever connects. The chardevs outlive the monitors. Errors: those
  // of Chardevs::Take.
  Result<Unit, Error> Add(const MonitorOptions& options, Chardevs& chardevs);
  // To every client that has negotiated; never waits.
  void Emit(const JsonValue& event) override;
  // Requests that wait are dropped, none is read any more; the replies to those that run, and
  // events, still leave. For the handler of `quit`, and for signals.
  void HoldRequests();
  // Returns when no command runs, but for out-of-band ones. REQUIRES: requests are held. A command
  // that runs must end.
  Task<Unit> AwaitCommands();
  // Nobody new is served. Returns when no chardev is waited for, so that they may be closed.
  Task<Unit> StopAccepting();
  // Holds requests, waits for the commands that run, lets the output leave for kFlushTime at most,
  // closes every connection and releases the chardevs. A command that runs must end.
  Task<Unit> Stop();

  // Connections now.
  std::size_t connections() const;

 private:
  class Monitor;
  struct Shared;

  std::unique_ptr<Shared> shared_;
  std::vector<std::unique_ptr<Monitor>> monitors_;
};

}  // namespace fusebay::qapi
