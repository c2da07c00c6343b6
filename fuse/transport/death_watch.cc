// DeathWatch: a small process that holds a descriptor for us.
#include "fuse/transport/death_watch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace fusebay::fuse {

namespace {

// How long a session may take to end after its server has.
constexpr unsigned kMaxSeconds = 10;
constexpr int kMaxSteps = 500;
constexpr timespec kStep{.tv_sec = 0, .tv_nsec = 10'000'000};

// Keeps the two descriptors and closes all others, which would keep the session alive.
void CloseOthers(int a, int b) {
  const unsigned low = static_cast<unsigned>(a < b ? a : b);
  const unsigned high = static_cast<unsigned>(a < b ? b : a);
  if (low > 0) {
    ::close_range(0, low - 1, 0);
  }
  if (high > low + 1) {
    ::close_range(low + 1, high - 1, 0);
  }
  ::close_range(high + 1, ~0u, 0);
}

// In the child, where only async-signal-safe calls are allowed.
[[noreturn]] void Watch(int pipe, int held, const char* mountpoint) {
  sigset_t all;
  ::sigfillset(&all);
  ::sigdelset(&all, SIGALRM);
  ::sigprocmask(SIG_BLOCK, &all, nullptr);
  ::setsid();
  CloseOthers(pipe, held);
  char byte = 0;
  ssize_t n = 0;
  do {
    n = ::read(pipe, &byte, 1);
  } while (n < 0 && errno == EINTR);
  ::alarm(kMaxSeconds);  // a look at a session that does not end would wait for ever
  struct stat st{};
  for (int i = 0; n == 0 && i < kMaxSteps; ++i) {
    if (::stat(mountpoint, &st) != 0 && errno == ENOTCONN) {
      break;
    }
    ::nanosleep(&kStep, nullptr);
  }
  ::_exit(0);
}

}  // namespace

Result<DeathWatch, Error> DeathWatch::Start(UniqueFd held, const std::string& mountpoint) {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return Error{Errno{errno}, fmt::format("pipe: {}", std::strerror(errno))};
  }
  const UniqueFd theirs(ends[0]);
  DeathWatch watch;
  watch.pipe_ = UniqueFd(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) {
    return Error{Errno{errno}, fmt::format("fork: {}", std::strerror(errno))};
  }
  if (child == 0) {
    // Nobody has to wait for a grandchild.
    const pid_t watcher = ::fork();
    if (watcher == 0) {
      Watch(theirs.get(), held.get(), mountpoint.c_str());
    }
    ::_exit(watcher < 0 ? errno : 0);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return Error{Errno{EAGAIN}, "cannot start the process that watches over the mount"};
  }
  return watch;
}

void DeathWatch::Release() {
  if (pipe_) {
    const char byte = 0;
    const ssize_t told = ::write(pipe_.get(), &byte, 1);
    static_cast<void>(told);  // if the child has gone, so has the descriptor
    pipe_.Reset();
  }
}

}  // namespace fusebay::fuse
