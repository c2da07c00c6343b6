// Daemonizer: goes to the background, but lets the caller's shell wait until everything is ready.
//
//   Daemonizer daemon = request.foreground ? Daemonizer::Foreground() : Daemonizer::Fork();
//   ... open, mount ...                  // in the background process; messages go to stderr
//   daemon.Failed("disk.img: ..."); return kExitFailure;   // or
//   daemon.Ready();                      // the command returns 0 now
//
// Fork comes before the first thread, loop or lock of the process.
#pragma once
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace fusebay {

class Daemonizer {
 public:
  // Returns in the background process only. The process that called waits there for Ready or
  // Failed, prints what Failed says, and exits. Fails when no process or pipe can be made.
  static Result<Daemonizer, Error> Fork(std::string command);
  // Nothing is forked; Ready does nothing and Failed prints.
  static Daemonizer Foreground(std::string command);

  Daemonizer(Daemonizer&&) = default;
  Daemonizer& operator=(Daemonizer&&) = delete;
  // A background process that ends having said nothing is reported as a failure.
  ~Daemonizer() = default;

  // Leaves the terminal: a session of its own, "/" as its folder (relative paths have been resolved
  // by now), /dev/null as its stdin, stdout and stderr, the system's log for messages. The waiting
  // process exits with 0.
  void Ready();
  // "fusebay COMMAND: MESSAGE" on stderr; the waiting process exits with `exit_code`, not 0.
  void Failed(std::string_view message, int exit_code = 1);

 private:
  Daemonizer(std::string command, UniqueFd pipe)
      : command_(std::move(command)), pipe_(std::move(pipe)) {}

  std::string command_;
  UniqueFd pipe_;  // to the process that waits; none in the foreground
};

}  // namespace fusebay
