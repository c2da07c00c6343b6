// Makes the kernel send what clients of a mount have written but not synced.
#include "export/client_cache.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/fd.h"

namespace fusebay {

namespace {

// In the child, where only async-signal-safe calls are allowed. Returns an errno.
int SyncMounted(const char* path, dev_t device) {
  ::close_range(3, ~0u, 0);
  const int file = ::open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  struct stat st{};
  if (file < 0 || ::fstat(file, &st) != 0 || st.st_dev != device) {
    return 0;  // unmounted already, or hidden by another mount
  }
  return ::fsync(file) == 0 ? 0 : errno;
}

}  // namespace

Result<> WriteBackClientCache(const std::string& path, dev_t device,
                              std::chrono::milliseconds time_limit) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(SyncMounted(path.c_str(), device));
  }
  if (child < 0) {
    return Errno{errno};
  }
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  pollfd ended{.fd = process.get(), .events = POLLIN, .revents = 0};
  int ready = 0;
  do {
    ready = ::poll(&ended, 1, static_cast<int>(time_limit.count()));
  } while (ready < 0 && errno == EINTR);
  if (!process || ready <= 0) {
    ::kill(child, SIGKILL);
    return Errno{ETIMEDOUT};
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) {
    return WEXITSTATUS(status) == 0 ? Ok() : Result<>{Errno{WEXITSTATUS(status)}};
  }
  return Errno{EIO};
}

}  // namespace fusebay
