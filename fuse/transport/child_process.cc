// Runs a program with posix_spawn and collects its stderr in a memory file.
#include "fuse/transport/child_process.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

extern char** environ;

namespace fusebay::fuse {

namespace {

// More than this of what a child says is cut off.
constexpr std::size_t kMaxMessage = 1024;

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& text : strings) {
    pointers.push_back(text.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> Environment(const std::string& addition) {
  std::vector<std::string> variables;
  if (!addition.empty()) {
    variables.push_back(addition);  // first, for the first one counts
  }
  for (char** at = environ; *at != nullptr; ++at) {
    variables.emplace_back(*at);
  }
  return variables;
}

std::string ReadAll(int fd) {
  char text[kMaxMessage];
  const ssize_t n = fd < 0 ? 0 : ::pread(fd, text, sizeof text, 0);
  std::string_view message(text, n > 0 ? static_cast<std::size_t>(n) : 0);
  while (!message.empty() && message.back() == '\n') {
    message.remove_suffix(1);
  }
  return std::string(message);
}

}  // namespace

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : program_(std::move(other.program_)),
      pid_(std::exchange(other.pid_, -1)),
      stderr_(std::move(other.stderr_)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  program_ = std::move(other.program_);
  pid_ = std::exchange(other.pid_, -1);
  stderr_ = std::move(other.stderr_);
  return *this;
}

ChildProcess::~ChildProcess() = default;

Result<ChildProcess, Error> ChildProcess::Start(const Command& command) {
  FB_ASSERT(!command.argv.empty());
  ChildProcess child;
  child.program_ = command.argv[0];
  child.stderr_ = UniqueFd(::memfd_create("stderr", MFD_CLOEXEC));
  std::vector<std::string> arguments = command.argv;
  std::vector<std::string> variables = Environment(command.environment);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (child.stderr_) {
    posix_spawn_file_actions_adddup2(&actions, child.stderr_.get(), STDERR_FILENO);
  }
  if (command.inherited_fd >= 0) {  // onto itself: only clears its close-on-exec flag
    posix_spawn_file_actions_adddup2(&actions, command.inherited_fd, command.inherited_fd);
  }
  // A loop's thread blocks signals; the child shall not.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  const int status = posix_spawnp(&child.pid_, arguments[0].c_str(), &actions, &attributes,
                                  Pointers(arguments).data(), Pointers(variables).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (status != 0) {
    child.pid_ = -1;
    return Error{Errno(status), fmt::format("{}: {}", child.program_, std::strerror(status))};
  }
  return child;
}

void ChildProcess::Kill() const {
  if (running()) {
    ::kill(pid_, SIGKILL);
  }
}

Result<Unit, Error> ChildProcess::Wait() {
  FB_ASSERT(running());
  int status = 0;
  pid_t waited = -1;
  do {
    waited = ::waitpid(pid_, &status, 0);
  } while (waited < 0 && errno == EINTR);
  pid_ = -1;
  if (waited < 0) {
    const int code = errno;
    return Error{Errno(code), fmt::format("{}: waitpid: {}", program_, std::strerror(code))};
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    return Unit{};
  }
  const std::string how = WIFSIGNALED(status)
                              ? fmt::format("was killed by signal {}", WTERMSIG(status))
                              : fmt::format("exited with status {}", WEXITSTATUS(status));
  const std::string said = ReadAll(stderr_.get());
  return Error{Errno(EIO), said.empty() ? fmt::format("{} {}", program_, how)
                                        : fmt::format("{} {}: {}", program_, how, said)};
}

}  // namespace fusebay::fuse
