// Forks into the background and tells the waiting process how it went.
#include "daemonize.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>

#include "core/log.h"
#include "subcommand.h"

namespace fusebay {

namespace {

// What goes through the pipe: one byte, the exit code, then the message of a failure.
constexpr std::size_t kMaxMessage = 64 * 1024;

std::string ReadAll(int fd) {
  std::string text;
  std::array<char, 4096> buffer;
  while (text.size() < kMaxMessage) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n > 0) {
      text.append(buffer.data(), static_cast<std::size_t>(n));
    } else if (n == 0 || errno != EINTR) {
      break;
    }
  }
  return text;
}

void WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n > 0) {
      text.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno != EINTR) {
      break;
    }
  }
}

std::string DescribeEnd(pid_t child) {
  int status = 0;
  if (::waitpid(child, &status, 0) == child && WIFSIGNALED(status)) {
    return fmt::format("the serving process was killed by signal {} ({})", WTERMSIG(status),
                       ::strsignal(WTERMSIG(status)));
  }
  return "the serving process ended before the file was ready";
}

// In the process that was called: waits for the other one's word and exits.
[[noreturn]] void WaitForWord(const std::string& command, int pipe, pid_t child) {
  const std::string word = ReadAll(pipe);
  if (word.empty()) {
    PrintError(command, DescribeEnd(child));
    ::_exit(kExitFailure);
  }
  if (word.size() > 1) {
    PrintError(command, std::string_view(word).substr(1));
  }
  ::_exit(static_cast<unsigned char>(word.front()));
}

// The caller may have gone meanwhile: then there is nobody to tell.
void Tell(UniqueFd& pipe, std::string_view word) {
  struct sigaction ignore{};
  struct sigaction before{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &before);
  WriteAll(pipe.get(), word);
  ::sigaction(SIGPIPE, &before, nullptr);
  pipe.Reset();
}

}  // namespace

Result<Daemonizer, Error> Daemonizer::Fork(std::string command) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return Error{Errno(errno), fmt::format("cannot make a pipe: {}", std::strerror(errno))};
  }
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) {
    return Error{Errno(errno), fmt::format("cannot fork: {}", std::strerror(errno))};
  }
  if (child > 0) {
    write_end.Reset();
    WaitForWord(command, read_end.get(), child);
  }
  return Daemonizer(std::move(command), std::move(write_end));
}

Daemonizer Daemonizer::Foreground(std::string command) {
  return Daemonizer(std::move(command), UniqueFd());
}

void Daemonizer::Ready() {
  if (!pipe_) {
    return;
  }
  ::setsid();  // fails only where the process leads a group already, which a child does not
  if (::chdir("/") != 0) {
    LogWarning(fmt::format("cannot change to /: {}", std::strerror(errno)));
  }
  // main has made sure that the three are open, so that this is none of them.
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (null) {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
      ::dup2(null.get(), fd);
    }
  }
  SetLogTarget(LogTarget::kSyslog);
  Tell(pipe_, std::string_view("\0", 1));
}

void Daemonizer::Failed(std::string_view message, int exit_code) {
  FB_ASSERT(exit_code > 0 && exit_code < 256);
  if (!pipe_) {
    PrintError(command_, message);
    return;
  }
  std::string word(1, static_cast<char>(exit_code));
  word += message.substr(0, kMaxMessage - 1);
  Tell(pipe_, word);
}

}  // namespace fusebay
