// The socket chardev: a server with any number of clients, or a client that may come back.
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <utility>

#include "chardev_kinds.h"
#include "core/log.h"
#include "fd_wait.h"
#include "socket_place.h"

namespace fusebay::qapi {

namespace {

// How long a server that cannot accept, for want of descriptors, looks away.
constexpr Nanoseconds kAcceptPause = std::chrono::seconds(1);

// A client that comes back later finds the place also from another folder.
SocketChardevConfig WithLastingPlace(SocketChardevConfig config) {
  auto* const place = std::get_if<UnixPlace>(&config.place);
  if (place != nullptr && !place->abstract && config.reconnect_s != 0) {
    std::error_code error;
    const std::filesystem::path path = std::filesystem::absolute(place->path, error);
    place->path = error ? place->path : path.string();
  }
  return config;
}

class SocketChardev final : public Chardev {
 public:
  SocketChardev(std::string id, SocketChardevConfig config)
      : Chardev(std::move(id)),
        config_(WithLastingPlace(std::move(config))),
        name_(NameOf(config_.place)) {}

  Task<Result<Unit, Error>> Open() override;
  Task<std::optional<ByteLink>> NextLink() override;
  void Stop() override {
    wait_.Cancel();
    cancelled_ = true;
  }
  void Close() override;
  std::size_t max_links() const override { return config_.server ? kMaxLinks : 1; }
  std::string filename() const override {
    return (links() == 0 ? "disconnected:" : "") + full_name();
  }

 private:
  std::string full_name() const { return name_ + (config_.server ? ",server=on" : ""); }
  Task<Result<Unit, Error>> Listen();
  Task<std::optional<ByteLink>> Accept();
  UniqueFd AcceptNow();
  Task<Result<UniqueFd, Error>> Connect();
  Task<std::optional<ByteLink>> Reconnect();
  ByteLink MakeLink(UniqueFd fd) const;

  const SocketChardevConfig config_;
  std::string name_;
  Listener listener_;
  UniqueFd any_listener_;  // an epoll of them, where there are several
  std::optional<ByteLink> first_;
  bool tried_ = false;  // a client has tried to connect before
  FdWait wait_;
  std::atomic<bool> cancelled_{false};  // for Connect, which runs on a worker
  RateLimit log_limit_;
};

Task<Result<Unit, Error>> SocketChardev::Open() {
  if (config_.server) {
    const Result<Unit, Error> listening = co_await Listen();
    CO_TRY(listening);
    if (config_.wait) {
      LogInfo(fmt::format("chardev {}: waiting for a connection on {}", id(), full_name()));
      first_ = co_await Accept();
      if (!first_.has_value()) {
        co_return Error{Errno(ECANCELED), fmt::format("chardev {}: nobody connected", id())};
      }
    }
  } else if (config_.reconnect_s == 0) {
    Result<UniqueFd, Error> fd = co_await Connect();
    if (!fd.ok()) {
      co_return fd.error();
    }
    first_ = MakeLink(std::move(*fd));
  }
  co_return Unit{};
}

// Looking up the name of a host may take long.
Task<Result<Unit, Error>> SocketChardev::Listen() {
  Result<Listener, Error> listener = Error{Errno(ECANCELED), {}};
  const Result<> done = co_await AioContext::Current().RunBlocking([this, &listener] {
    listener = ListenAt(config_.place);
    return Ok();
  });
  FB_ASSERT(done.ok());
  CO_ASSIGN(listener_, std::move(listener));
  name_ = listener_.name;
  if (listener_.fds.size() == 1) {
    co_return Unit{};
  }
  any_listener_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  for (const UniqueFd& fd : listener_.fds) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (::epoll_ctl(any_listener_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) {
      const int code = errno;
      co_return Error{Errno(code), fmt::format("chardev {}: epoll: {}", id(), std::strerror(code))};
    }
  }
  co_return Unit{};
}

void SocketChardev::Close() {
  Stop();
  any_listener_.Reset();
  listener_ = Listener{};
}

Task<std::optional<ByteLink>> SocketChardev::NextLink() {
  if (first_.has_value()) {
    co_return std::exchange(first_, std::nullopt);
  }
  if (config_.server) {
    std::optional<ByteLink> accepted = co_await Accept();
    co_return accepted;
  }
  if (config_.reconnect_s == 0) {
    co_return std::nullopt;
  }
  std::optional<ByteLink> connected = co_await Reconnect();
  co_return connected;
}

Task<std::optional<ByteLink>> SocketChardev::Accept() {
  if (wait_.cancelled()) {
    co_return std::nullopt;  // closed, perhaps
  }
  const int fd = any_listener_ ? any_listener_.get() : listener_.fds.front().get();
  for (;;) {
    const bool ready = co_await wait_.For(fd, POLLIN);
    if (!ready) {
      co_return std::nullopt;
    }
    UniqueFd client = AcceptNow();
    if (client) {
      co_return MakeLink(std::move(client));
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      if (log_limit_.Allow()) {
        LogWarning(fmt::format("chardev {}: cannot accept: {}", id(), std::strerror(errno)));
      }
      co_await wait_.Sleep(kAcceptPause);
    }
  }
}

// Not valid: nobody is there any more, or errno says why.
UniqueFd SocketChardev::AcceptNow() {
  for (const UniqueFd& listener : listener_.fds) {
    UniqueFd client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (client || errno != EAGAIN) {
      return client;
    }
  }
  return UniqueFd();
}

Task<Result<UniqueFd, Error>> SocketChardev::Connect() {
  Result<Connected, Error> connected = Error{Errno(ECANCELED), {}};
  const Result<> done = co_await AioContext::Current().RunBlocking([this, &connected] {
    connected = ConnectTo(config_.place, {.cancelled = &cancelled_});
    return Ok();
  });
  FB_ASSERT(done.ok());
  if (!connected.ok()) {
    co_return connected.error();
  }
  name_ = connected->name;
  co_return std::move(connected->fd);
}

// Waits before every attempt but the first one.
Task<std::optional<ByteLink>> SocketChardev::Reconnect() {
  bool told = false;
  for (;;) {
    if (tried_) {
      co_await wait_.Sleep(std::chrono::seconds(config_.reconnect_s));
    }
    if (wait_.cancelled()) {
      co_return std::nullopt;
    }
    tried_ = true;
    Result<UniqueFd, Error> fd = co_await Connect();
    if (fd.ok()) {
      co_return MakeLink(std::move(*fd));
    }
    if (!std::exchange(told, true)) {
      LogWarning(
          fmt::format("Unable to connect character device {}: {}", id(), fd.error().message));
    }
  }
}

ByteLink SocketChardev::MakeLink(UniqueFd fd) const {
  if (config_.nodelay) {
    const int one = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  }
  return ByteLink{std::move(fd), UniqueFd()};
}

}  // namespace

std::unique_ptr<Chardev> MakeSocketChardev(ChardevConfig config) {
  return std::make_unique<SocketChardev>(std::move(config.id),
                                         std::move(std::get<SocketChardevConfig>(config.backend)));
}

}  // namespace fusebay::qapi
