// The service manager's environment variables, and one datagram to it.
#include "service_manager.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/fd.h"

namespace fusebay {

namespace {

constexpr int kMaxListenFds = 128;

// A variable's value as a number; -1: it is none.
long NumberOf(const char* variable) {
  const char* const text = std::getenv(variable);
  if (text == nullptr) {
    return -1;
  }
  long number = -1;
  const char* const end = text + std::strlen(text);
  const auto parsed = std::from_chars(text, end, number);
  return parsed.ec == std::errc() && parsed.ptr == end ? number : -1;
}

}  // namespace

int TakeListenFds() {
  const long pid = NumberOf("LISTEN_PID");
  const long count = NumberOf("LISTEN_FDS");
  for (const char* variable : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
    ::unsetenv(variable);
  }
  if (pid != ::getpid() || count <= 0 || count > kMaxListenFds) {
    return 0;
  }
  for (int fd = kFirstListenFd; fd < kFirstListenFd + count; ++fd) {
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  return static_cast<int>(count);
}

Result<Unit, Error> NotifyManager(std::string_view state) {
  const char* const path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr) {
    return Unit{};
  }
  const auto fail = [path](int code) {
    return Error{Errno(code), fmt::format("NOTIFY_SOCKET '{}': {}", path, std::strerror(code))};
  };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(path);
  if ((path[0] != '/' && path[0] != '@') || length >= sizeof(address.sun_path)) {
    return fail(EINVAL);
  }
  std::memcpy(address.sun_path, path, length);
  if (path[0] == '@') {
    address.sun_path[0] = '\0';  // an abstract name
  }
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) {
    return fail(errno);
  }
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  const ssize_t sent = ::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                                reinterpret_cast<const sockaddr*>(&address), size);
  if (sent != static_cast<ssize_t>(state.size())) {
    return fail(errno);
  }
  return Unit{};
}

}  // namespace fusebay
