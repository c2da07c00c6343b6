// Unix and TCP sockets, and those that the process inherited; messages are QEMU's.
#include "socket_place.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>

namespace fusebay::qapi {

namespace {

constexpr int kBacklog = 16;

struct UnixName {
  sockaddr_un address{};
  socklen_t length = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Error ErrnoError(int code, const std::string& what) {
  return Error{Errno(code), fmt::format("{}: {}", what, std::strerror(code))};
}

std::string FullName(const UnixPlace& place) { return (place.abstract ? "@" : "") + place.path; }

Result<UnixName, Error> MakeUnixName(const UnixPlace& place) {
  UnixName name;
  name.address.sun_family = AF_UNIX;
  const std::size_t room = sizeof name.address.sun_path;
  const std::size_t size = place.path.size() + (place.abstract ? 1 : 0);
  if (size > room - (place.abstract ? 0 : 1)) {
    return Error{Errno(ENAMETOOLONG),
                 fmt::format("UNIX socket path '{}' is too long\nPath must be less than {} bytes",
                             place.path, room)};
  }
  if (place.path.empty()) {
    return Error{Errno(EINVAL), "UNIX socket path is empty"};
  }
  std::memcpy(name.address.sun_path + (place.abstract ? 1 : 0), place.path.data(),
              place.path.size());
  const bool whole = !place.abstract || !place.tight;
  name.length =
      static_cast<socklen_t>(whole ? sizeof name.address : offsetof(sockaddr_un, sun_path) + size);
  return name;
}

UniqueFd MakeSocket(int family) {
  return UniqueFd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

// Removes what a server that ended left behind; a live one's file stays.
Result<Unit, Error> ClearStale(const std::string& path, const UnixName& name) {
  struct stat st{};
  if (::lstat(path.c_str(), &st) != 0) {
    return Unit{};  // bind says what is wrong, if anything is
  }
  const std::string what = fmt::format("Failed to bind socket to {}", path);
  if (!S_ISSOCK(st.st_mode)) {
    return Error{Errno(EEXIST), what + ": the file exists and is no socket"};
  }
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) {
    return ErrnoError(errno, "Failed to create Unix socket");
  }
  if (::connect(probe.get(), name.get(), name.length) == 0 || errno != ECONNREFUSED) {
    return ErrnoError(EADDRINUSE, what);
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return ErrnoError(errno, fmt::format("Failed to unlink socket {}", path));
  }
  return Unit{};
}

Result<Listener, Error> ListenAtUnix(const UnixPlace& place) {
  FB_ASSIGN(const UnixName name, MakeUnixName(place));
  if (!place.abstract) {
    FB_TRY(ClearStale(place.path, name));
  }
  UniqueFd fd = MakeSocket(AF_UNIX);
  if (!fd) {
    return ErrnoError(errno, "Failed to create Unix socket");
  }
  if (::bind(fd.get(), name.get(), name.length) != 0) {
    return ErrnoError(errno, fmt::format("Failed to bind socket to {}", place.path));
  }
  Listener listener;
  if (!place.abstract) {
    listener.file = SocketFile(place.path);
  }
  if (::listen(fd.get(), kBacklog) != 0) {
    return ErrnoError(errno, "Failed to listen on socket");
  }
  listener.fds.push_back(std::move(fd));
  listener.name = NameOf(place);
  return listener;
}

Result<Addresses, Error> Resolve(const InetPlace& place, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  const bool only4 = place.ipv4.value_or(false) || !place.ipv6.value_or(true);
  const bool only6 = place.ipv6.value_or(false) || !place.ipv4.value_or(true);
  hints.ai_family = only4 == only6 ? AF_UNSPEC : only4 ? AF_INET : AF_INET6;
  addrinfo* list = nullptr;
  const int code = ::getaddrinfo(place.host.empty() ? nullptr : place.host.c_str(),
                                 place.port.c_str(), &hints, &list);
  if (code != 0) {
    return Error{Errno(EADDRNOTAVAIL), fmt::format("address resolution failed for {}:{}: {}",
                                                   place.host, place.port, ::gai_strerror(code))};
  }
  return Addresses(list);
}

Result<UniqueFd, Error> ListenAtAddress(const addrinfo& address, const std::string& what) {
  UniqueFd fd = MakeSocket(address.ai_family);
  if (!fd) {
    return ErrnoError(errno, "Failed to create a socket");
  }
  const int one = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (address.ai_family == AF_INET6) {
    // The host's IPv4 addresses have sockets of their own.
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
  }
  if (::bind(fd.get(), address.ai_addr, address.ai_addrlen) != 0 ||
      ::listen(fd.get(), kBacklog) != 0) {
    return ErrnoError(errno, what);
  }
  return fd;
}

// Listens at every address of the host, and is content if one works.
Result<Listener, Error> ListenAtInet(const InetPlace& place) {
  FB_ASSIGN(const Addresses addresses, Resolve(place, AI_PASSIVE));
  const std::string what = fmt::format("Failed to bind {}:{}", place.host, place.port);
  Listener listener;
  Error failure = ErrnoError(EADDRNOTAVAIL, what);
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    Result<UniqueFd, Error> fd = ListenAtAddress(*address, what);
    if (fd.ok()) {
      listener.fds.push_back(std::move(*fd));
    } else {
      failure = fd.error();
    }
  }
  if (listener.fds.empty()) {
    return failure;
  }
  listener.name = NameOfSocket(listener.fds.front().get());
  return listener;
}

Result<UniqueFd, Error> TakeInherited(const FdPlace& place) {
  struct stat st{};
  if (::fstat(place.fd, &st) != 0 || !S_ISSOCK(st.st_mode)) {
    return Error{Errno(ENOTSOCK), fmt::format("File descriptor '{}' is not a socket", place.fd)};
  }
  ::fcntl(place.fd, F_SETFD, FD_CLOEXEC);
  return UniqueFd(place.fd);
}

Result<Listener, Error> ListenAtFd(const FdPlace& place) {
  FB_ASSIGN(UniqueFd fd, TakeInherited(place));
  if (::listen(fd.get(), kBacklog) != 0) {
    return ErrnoError(errno, fmt::format("Failed to listen on fd socket '{}'", place.fd));
  }
  Listener listener;
  listener.name = NameOfSocket(fd.get());
  listener.fds.push_back(std::move(fd));
  return listener;
}

// What a connection that has been begun came to; EINPROGRESS: nothing yet, after a moment.
int WaitForConnection(int fd) {
  constexpr int kMomentMs = 50;
  pollfd wait{fd, POLLOUT, 0};
  const int ready = ::poll(&wait, 1, kMomentMs);
  int code = EINPROGRESS;
  socklen_t length = sizeof code;
  if (ready > 0 && ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &length) != 0) {
    return errno;
  }
  return code;
}

Result<UniqueFd, Error> ConnectAddress(int family, const sockaddr* address, socklen_t length,
                                       const std::string& what, const ConnectLimit& limit) {
  constexpr useconds_t kBacklogPauseUs = 10'000;
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) {
    return ErrnoError(errno, "Failed to create a socket");
  }
  const Clock::time_point own_end = Clock::now() + kConnectTime;
  const Clock::time_point end = std::min(own_end, limit.deadline.value_or(own_end));
  int code = ::connect(fd.get(), address, length) == 0 ? 0 : errno;
  while (code == EINPROGRESS || code == EINTR || code == EAGAIN) {
    if (limit.cancelled != nullptr && limit.cancelled->load()) {
      code = ECANCELED;
    } else if (Clock::now() >= end) {
      code = ETIMEDOUT;
    } else if (code == EAGAIN) {  // a Unix socket with too many who wait
      ::usleep(kBacklogPauseUs);
      code = ::connect(fd.get(), address, length) == 0 ? 0 : errno;
    } else {
      code = WaitForConnection(fd.get());
    }
  }
  if (code != 0) {
    return ErrnoError(code, what);
  }
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) & ~O_NONBLOCK);
  return fd;
}

Result<UniqueFd, Error> ConnectToInet(const InetPlace& place, const ConnectLimit& limit) {
  FB_ASSIGN(const Addresses addresses, Resolve(place, 0));
  const std::string what = fmt::format("Failed to connect to '{}:{}'", place.host, place.port);
  Error failure = ErrnoError(EADDRNOTAVAIL, what);
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    Result<UniqueFd, Error> fd =
        ConnectAddress(address->ai_family, address->ai_addr, address->ai_addrlen, what, limit);
    if (fd.ok()) {
      return fd;
    }
    failure = fd.error();
  }
  return failure;
}

Result<UniqueFd, Error> ConnectFd(const SocketPlace& place, const ConnectLimit& limit) {
  if (const auto* const inherited = std::get_if<FdPlace>(&place)) {
    return TakeInherited(*inherited);
  }
  if (const auto* const inet = std::get_if<InetPlace>(&place)) {
    return ConnectToInet(*inet, limit);
  }
  const auto& unix_place = std::get<UnixPlace>(place);
  FB_ASSIGN(const UnixName name, MakeUnixName(unix_place));
  return ConnectAddress(AF_UNIX, name.get(), name.length,
                        fmt::format("Failed to connect to '{}'", unix_place.path), limit);
}

std::string NameOfUnix(const sockaddr_un& address, socklen_t length) {
  const std::size_t start = offsetof(sockaddr_un, sun_path);
  if (length <= start) {
    return "unix:";
  }
  const std::size_t size = length - start;
  if (address.sun_path[0] == '\0') {
    return "unix:@" + std::string(address.sun_path + 1, size - 1);
  }
  return "unix:" + std::string(address.sun_path, ::strnlen(address.sun_path, size));
}

}  // namespace

SocketFile::SocketFile(const std::string& path) {
  struct stat st{};
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  if (!error && ::lstat(path.c_str(), &st) == 0) {
    path_ = absolute.string();
    device_ = st.st_dev;
    inode_ = st.st_ino;
  }
}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_) {}

SocketFile& SocketFile::operator=(SocketFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(device_, other.device_);
  std::swap(inode_, other.inode_);
  return *this;
}

SocketFile::~SocketFile() {
  struct stat st{};
  if (!path_.empty() && ::lstat(path_.c_str(), &st) == 0 && st.st_dev == device_ &&
      st.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
}

Result<Listener, Error> ListenAt(const SocketPlace& place) {
  Result<Listener, Error> listener = Listener{};
  if (const auto* const inherited = std::get_if<FdPlace>(&place)) {
    listener = ListenAtFd(*inherited);
  } else if (const auto* const inet = std::get_if<InetPlace>(&place)) {
    listener = ListenAtInet(*inet);
  } else {
    listener = ListenAtUnix(std::get<UnixPlace>(place));
  }
  if (listener.ok()) {
    for (const UniqueFd& fd : listener->fds) {
      ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
    }
  }
  return listener;
}

Result<Connected, Error> ConnectTo(const SocketPlace& place, const ConnectLimit& limit) {
  FB_ASSIGN(UniqueFd fd, ConnectFd(place, limit));
  std::string name =
      std::holds_alternative<FdPlace>(place) ? NameOfSocket(fd.get()) : NameOf(place);
  return Connected{std::move(fd), std::move(name)};
}

Result<UniqueFd, Error> ConnectSocket(const SocketPlace& place,
                                      std::optional<Clock::time_point> deadline) {
  return ConnectFd(place, {.deadline = deadline});
}

std::string NameOf(const SocketPlace& place) {
  if (const auto* const inherited = std::get_if<FdPlace>(&place)) {
    return fmt::format("fd:{}", inherited->fd);
  }
  if (const auto* const inet = std::get_if<InetPlace>(&place)) {
    return fmt::format("tcp:{}:{}", inet->host, inet->port);
  }
  return "unix:" + FullName(std::get<UnixPlace>(place));
}

std::string NameOfSocket(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  auto* const address = reinterpret_cast<sockaddr*>(&storage);
  if (::getsockname(fd, address, &length) != 0) {
    return fmt::format("fd:{}", fd);
  }
  if (storage.ss_family == AF_UNIX) {
    return NameOfUnix(*reinterpret_cast<sockaddr_un*>(&storage), length);
  }
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (::getnameinfo(address, length, host.data(), host.size(), port.data(), port.size(),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return fmt::format("fd:{}", fd);
  }
  const bool v6 = storage.ss_family == AF_INET6;
  return fmt::format("tcp:{}{}{}:{}", v6 ? "[" : "", host.data(), v6 ? "]" : "", port.data());
}

}  // namespace fusebay::qapi
