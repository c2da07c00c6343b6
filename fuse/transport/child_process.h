// ChildProcess: a short-lived program run by us, with what it says on stderr.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace fusebay::fuse {

class ChildProcess {
 public:
  struct Command {
    std::vector<std::string> argv;  // argv[0] is searched for in PATH
    std::string environment;        // one more "NAME=value", or empty
    int inherited_fd = -1;          // the one descriptor it gets besides 0, 1 and 2
  };
  static Result<ChildProcess, Error> Start(const Command& command);

  ChildProcess() = default;
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();  // a child that still runs is left alone

  bool running() const { return pid_ > 0; }
  void Kill() const;  // SIGKILL
  // Waits for its end; fails unless it exits with 0. The message has what it said.
  Result<Unit, Error> Wait();

 private:
  std::string program_;
  pid_t pid_ = -1;
  UniqueFd stderr_;
};

}  // namespace fusebay::fuse
