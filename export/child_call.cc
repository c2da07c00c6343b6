// CallInChild: forks, waits for the child's end or the time limit, whichever comes first.
#include "export/child_call.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/fd.h"

namespace fusebay {

namespace {

Result<> WaitFor(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      return Errno{errno};
    }
  }
  if (!WIFEXITED(status)) {
    return Errno{EIO};
  }
  return WEXITSTATUS(status) == 0 ? Ok() : Result<>{Errno{WEXITSTATUS(status)}};
}

}  // namespace

Result<> CallInChild(int (*body)(const void* argument), const void* argument,
                     std::chrono::milliseconds time_limit) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::close_range(3, ~0u, 0);
    ::_exit(body(argument));
  }
  if (child < 0) {
    return Errno{errno};
  }
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  pollfd ended{.fd = process.get(), .events = POLLIN, .revents = 0};
  int ready = 0;
  do {
    ready = process ? ::poll(&ended, 1, static_cast<int>(time_limit.count())) : 0;
  } while (ready < 0 && errno == EINTR);
  if (ready > 0) {
    return WaitFor(child);
  }
  ::kill(child, SIGKILL);
  return Errno{ETIMEDOUT};
}

}  // namespace fusebay
