// Tests of going to the background.
#include "daemonize.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "check.h"

using namespace fusebay;

namespace {

struct Outcome {
  int exit_code = -1;
  std::string said;
};

// Runs what a command does with its Daemonizer in a process of its own, as a shell does.
Outcome Command(void (*serve)(Daemonizer& daemon)) {
  std::array<int, 2> said{};
  CHECK_EQ(::pipe2(said.data(), O_CLOEXEC), 0);
  const pid_t command = ::fork();
  if (command == 0) {
    ::dup2(said[1], STDERR_FILENO);
    ::close(said[0]);
    ::close(said[1]);
    auto daemon = Daemonizer::Fork("mount");
    if (!daemon.ok()) {
      ::_exit(99);
    }
    serve(*daemon);
    ::_exit(0);
  }
  ::close(said[1]);
  Outcome outcome;
  std::array<char, 1024> buffer;
  ssize_t n = 0;
  while ((n = ::read(said[0], buffer.data(), buffer.size())) > 0) {
    outcome.said.append(buffer.data(), static_cast<std::size_t>(n));
  }
  ::close(said[0]);
  int status = 0;
  CHECK_EQ(::waitpid(command, &status, 0), command);
  CHECK(WIFEXITED(status));
  outcome.exit_code = WEXITSTATUS(status);
  return outcome;
}

}  // namespace

TEST(ReadyLetsTheCommandSucceed) {
  const Outcome outcome = Command([](Daemonizer& daemon) { daemon.Ready(); });
  CHECK_EQ(outcome.exit_code, 0);
  CHECK_EQ(outcome.said, "");
}

TEST(FailureIsSaidByTheCommand) {
  const Outcome outcome = Command([](Daemonizer& daemon) { daemon.Failed("disk.img: broken"); });
  CHECK_EQ(outcome.exit_code, 1);
  CHECK_EQ(outcome.said, "fusebay mount: disk.img: broken\n");
}

TEST(ExitCodeIsThatOfTheFailure) {
  CHECK_EQ(Command([](Daemonizer& daemon) { daemon.Failed("usage", 2); }).exit_code, 2);
}

TEST(SilentEndIsAFailure) {
  const Outcome outcome = Command([](Daemonizer&) {});
  CHECK_EQ(outcome.exit_code, 1);
  CHECK_EQ(outcome.said, "fusebay mount: the serving process ended before the file was ready\n");
}

TEST(CrashIsAFailureAndNamesTheSignal) {
  const Outcome outcome = Command([](Daemonizer&) { ::raise(SIGKILL); });
  CHECK_EQ(outcome.exit_code, 1);
  CHECK(outcome.said.find("killed by signal 9") != std::string::npos);
}

TEST(ReadyLeavesTheTerminal) {
  static std::array<int, 2> report{};
  CHECK_EQ(::pipe2(report.data(), O_CLOEXEC), 0);
  Command([](Daemonizer& daemon) {
    daemon.Ready();
    std::array<char, 8> folder{};
    const bool at_root = ::getcwd(folder.data(), folder.size()) != nullptr && folder[1] == '\0';
    const char word =
        ::getsid(0) == ::getpid() && at_root && ::isatty(STDIN_FILENO) == 0 ? 'y' : 'n';
    ::_exit(::write(report[1], &word, 1) == 1 ? 0 : 1);
  });
  char word = 0;
  CHECK_EQ(::read(report[0], &word, 1), 1);
  CHECK_EQ(word, 'y');
}

TEST(ReadyClosesWhatTheCallerReads) {
  // The server lives on, but nothing holds the pipe behind stderr any more, or this would hang.
  static std::array<int, 2> stay{};
  CHECK_EQ(::pipe2(stay.data(), O_CLOEXEC), 0);
  const Outcome outcome = Command([](Daemonizer& daemon) {
    daemon.Ready();
    ::close(stay[1]);
    char byte = 0;
    ::_exit(::read(stay[0], &byte, 1) == 0 ? 0 : 1);
  });
  ::close(stay[1]);
  CHECK_EQ(outcome.exit_code, 0);
}

TEST(ForegroundForksNothing) {
  const pid_t before = ::getpid();
  Daemonizer daemon = Daemonizer::Foreground("mount");
  daemon.Ready();
  CHECK_EQ(::getpid(), before);
}
