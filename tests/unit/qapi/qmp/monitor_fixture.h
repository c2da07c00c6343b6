// What the tests of chardevs and monitors share: a loop, a daemon with made-up commands, clients.
#pragma once
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "base/fd.h"
#include "check.h"
#include "core/sync.h"
#include "qapi/chardev.h"
#include "qapi/generated/types.h"
#include "qapi/json_stream.h"
#include "qapi/monitor.h"
#include "temporary.h"

namespace fusebay::test {

using namespace fusebay::qapi;

class TempFolder {
 public:
  TempFolder() {
    std::string name = TemporaryPattern("unit");
    CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// A loop that runs only while the test waits for something.
struct TestLoop {
  TestLoop() {
    auto made = AioContext::Create({.name = "test", .poll_max = Nanoseconds(0)}, workers);
    CHECK_OK(made);
    loop = std::move(*made);
  }
  template <class T>
  T Run(Task<T> task) {
    return loop->RunUntilDone(std::move(task));
  }
  // Runs until `done()` says so, for some seconds at most; returns whether it did.
  template <class Done>
  bool Until(Done done) {
    const auto end = Clock::now() + std::chrono::seconds(20);
    while (!done()) {
      if (Clock::now() > end) {
        return false;
      }
      if (!loop->RunOnce(false)) {
        ::usleep(100);
      }
    }
    return true;
  }
  void Turns(int count) {
    for (int i = 0; i < count; ++i) {
      loop->RunOnce(false);
    }
  }

  WorkerPool workers;
  std::unique_ptr<AioContext> loop;
};

inline std::pair<UniqueFd, UniqueFd> SocketPair() {
  int fds[2];
  CHECK_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

inline UniqueFd ConnectUnix(const std::string& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  CHECK(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    fd.Reset();
  }
  return fd;
}

// One end of a connection, in the test's hands.
class Client {
 public:
  Client(TestLoop& loop, UniqueFd fd) : loop_(loop), fd_(std::move(fd)) { CHECK(fd_.valid()); }

  void Send(std::string_view text) const {
    CHECK_EQ(::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL),
             static_cast<ssize_t>(text.size()));
  }
  // The next line without its end; empty when the connection has ended.
  std::string Line() {
    std::size_t end = std::string::npos;
    loop_.Until([&] {
      end = input_.find("\r\n");
      return end != std::string::npos || !Fill();
    });
    if (end == std::string::npos) {
      return {};
    }
    const std::string line = input_.substr(0, end);
    input_.erase(0, end + 2);
    return line;
  }
  std::string Ask(std::string_view request) {
    Send(request);
    return Line();
  }
  // Past the greeting.
  void Negotiate(std::string_view arguments = "{}") {
    CHECK(Line().starts_with("{\"QMP\""));
    CHECK_EQ(Ask("{'execute':'qmp_capabilities','arguments':" + std::string(arguments) + "}"),
             "{\"return\": {}}");
  }
  bool Ended() { return Line().empty() && ended_; }
  void EndInput() const { ::shutdown(fd_.get(), SHUT_WR); }
  void Leave() { fd_.Reset(); }
  int fd() const { return fd_.get(); }

 private:
  // False at the end.
  bool Fill() {
    char buffer[4096];
    const ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (n > 0) {
      input_.append(buffer, static_cast<std::size_t>(n));
    }
    ended_ = n == 0 || (n < 0 && errno != EAGAIN);
    return !ended_;
  }

  TestLoop& loop_;
  UniqueFd fd_;
  std::string input_;
  bool ended_ = false;
};

// A daemon's monitors with a few commands: "hello" answers at once, "slow" when it is released,
// "big" with a megabyte, "leave" holds requests as `quit` does.
class TestDaemon : public TestLoop {
 public:
  using Answer = Result<JsonValue, QmpError>;

  TestDaemon() {
    AddControlCommands(commands, kVersion());
    commands.AddRaw({.name = "hello", .allow_oob = true},
                    [this](const JsonValue& arguments, QmpSession&) {
                      ++hellos;
                      return Task<Answer>(Answer(arguments));
                    });
    commands.AddRaw({.name = "slow"}, [this](const JsonValue&, QmpSession&) { return Slow(); });
    commands.AddRaw({.name = "big"}, [](const JsonValue&, QmpSession&) {
      return Task<Answer>(Answer(JsonValue(std::string(1 << 20, 'x'))));
    });
    commands.AddRaw({.name = "leave"}, [this](const JsonValue&, QmpSession&) {
      monitors.HoldRequests();
      return Task<Answer>(Answer(JsonDict{}));
    });
  }
  ~TestDaemon() { Stop(); }
  // Lets "slow" commands end.
  void Release() {
    loop->Post([this] { released.Set(); });
  }
  void Stop() {
    Release();
    Run(monitors.Stop());
  }

  // A monitor on a chardev, both as on the command line.
  void Serve(const std::string& chardev, const std::string& monitor) {
    Result<ChardevConfig, Error> config = ParseChardevOption(chardev);
    CHECK_OK(config);
    CHECK_OK(Run(AddMonitor(std::move(*config), monitor)));
  }
  // A monitor on one end of a socket pair; the other is the client's.
  Client Connect(const std::string& more = {}) {
    auto [ours, theirs] = SocketPair();
    const std::string id = "c" + std::to_string(++clients_);
    // As inherited ones, no number comes twice.
    const int fd = ::fcntl(theirs.get(), F_DUPFD_CLOEXEC, kFirstFd + clients_);
    CHECK(fd >= 0);
    Serve("socket,id=" + id + ",fd=" + std::to_string(fd), id + more);
    return Client(*this, std::move(ours));
  }
  void Emit(const JsonValue& event) { Run(EmitInLoop(event)); }

  QmpCommands commands;
  Chardevs chardevs;
  Monitors monitors{commands, kVersion()};
  CoEvent released;
  int hellos = 0;
  int slow = 0;  // how many run

 private:
  static QmpVersion kVersion() { return {.major = 7, .minor = 2, .micro = 0, .package = "test"}; }
  Task<Result<Unit, Error>> AddMonitor(ChardevConfig config, std::string monitor) {
    const Result<Unit, Error> added = co_await chardevs.Add(std::move(config));
    CO_TRY(added);
    CO_ASSIGN(const MonitorOptions options, FromOption<MonitorOptions>(monitor, "chardev"));
    co_return monitors.Add(options, chardevs);
  }
  Task<Unit> EmitInLoop(const JsonValue& event) {
    co_await loop->Yield();
    monitors.Emit(event);
    co_return Unit{};
  }
  Task<Answer> Slow() {
    ++slow;
    co_await released.Wait();
    --slow;
    co_return Answer(JsonValue("slept"));
  }

  static constexpr int kFirstFd = 200;
  int clients_ = 0;
};

}  // namespace fusebay::test
