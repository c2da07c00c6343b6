// Tests of the socket chardev, with a monitor on it.
#include "core/scope.h"
#include "monitor_fixture.h"
#include "qmp/socket_place.h"

using namespace fusebay;
using namespace fusebay::qapi;
using namespace fusebay::test;

namespace {

std::string ServerAt(const std::string& path) {
  return "socket,id=q,server=on,wait=off,path=" + path;
}

Task<Unit> Add(Chardevs& chardevs, ChardevConfig config, std::optional<Result<Unit, Error>>& r) {
  Result<Unit, Error> added = co_await chardevs.Add(std::move(config));
  r = std::move(added);
  co_return Unit{};
}

// `waited`: something else could run before it was there.
Task<Result<Unit, Error>> AddBesideOthers(Chardevs& chardevs, ChardevConfig config, bool& waited) {
  std::optional<Result<Unit, Error>> added;
  TaskScope scope;
  scope.Spawn(Add(chardevs, std::move(config), added));
  waited = !added.has_value();
  co_await scope.Join();
  co_return *added;
}

}  // namespace

TEST(AServerHasManyClients) {
  const TempFolder folder;
  TestDaemon daemon;
  daemon.Serve(ServerAt(folder / "s"), "q");
  Client one(daemon, ConnectUnix(folder / "s"));
  Client two(daemon, ConnectUnix(folder / "s"));
  one.Negotiate();
  two.Negotiate();
  CHECK_EQ(one.Ask("{'execute':'hello','id':1}"), "{\"return\": {}, \"id\": 1}");
  CHECK_EQ(two.Ask("{'execute':'hello','id':2}"), "{\"return\": {}, \"id\": 2}");
}

TEST(MoreThanTheLimitWait) {
  const TempFolder folder;
  TestDaemon daemon;
  daemon.Serve(ServerAt(folder / "s"), "q");
  std::vector<Client> clients;
  for (std::size_t i = 0; i < Chardev::kMaxLinks; ++i) {
    clients.emplace_back(daemon, ConnectUnix(folder / "s"));
    clients.back().Negotiate();
  }
  Client late(daemon, ConnectUnix(folder / "s"));
  daemon.Turns(10);
  CHECK_EQ(daemon.monitors.connections(), Chardev::kMaxLinks);
  clients.pop_back();
  late.Negotiate();
}

TEST(AServerOnTcp) {
  TestDaemon daemon;
  daemon.Serve("socket,id=q,host=127.0.0.1,port=0,server=on,wait=off,nodelay=on", "q");
  const std::string name = daemon.chardevs.List().front().filename;
  const std::string port = name.substr(name.find_last_of(':') + 1);
  auto connected = ConnectTo(InetPlace{"127.0.0.1", port.substr(0, port.find(',')), {}, {}});
  CHECK_OK(connected);
  Client client(daemon, std::move(connected->fd));
  client.Negotiate();
}

// Looking up a host may take long; the loop has other things to do meanwhile.
TEST(AServerIsSetUpBesideTheLoop) {
  const TempFolder folder;
  TestDaemon daemon;
  Result<ChardevConfig, Error> config = ParseChardevOption(ServerAt(folder / "s"));
  CHECK_OK(config);
  bool waited = false;
  CHECK_OK(daemon.Run(AddBesideOthers(daemon.chardevs, std::move(*config), waited)));
  CHECK(waited);
}

TEST(SeveralAddressesAreListenedTo) {
  TestDaemon daemon;
  daemon.Serve("socket,id=q,host=,port=0,server=on,wait=off", "q");
  const std::string name = daemon.chardevs.List().front().filename;
  CHECK(name.find("tcp:") != std::string::npos);
}

TEST(AClientChardevSpeaksToWhoeverListens) {
  const TempFolder folder;
  const auto listener = ListenAt(UnixPlace{.path = folder / "s"});
  CHECK_OK(listener);
  TestDaemon daemon;
  daemon.Serve("socket,id=q,path=" + (folder / "s"), "q");
  Client client(daemon, UniqueFd(::accept(listener->fds.front().get(), nullptr, nullptr)));
  client.Negotiate();
  CHECK_EQ(daemon.chardevs.List().front().filename, "unix:" + (folder / "s"));
}

TEST(AReconnectingClientComesBack) {
  const TempFolder folder;
  const auto listener = ListenAt(UnixPlace{.path = folder / "s"});
  CHECK_OK(listener);
  const int fd = listener->fds.front().get();
  TestDaemon daemon;
  daemon.Serve("socket,id=q,reconnect=1,path=" + (folder / "s"), "q");
  for (int i = 0; i < 2; ++i) {
    UniqueFd accepted;
    CHECK(daemon.Until([&] {
      accepted = UniqueFd(::accept(fd, nullptr, nullptr));
      return accepted.valid();
    }));
    Client client(daemon, std::move(accepted));
    client.Negotiate();
  }
}

TEST(AReconnectingClientNeedsNoServerAtFirst) {
  const TempFolder folder;
  TestDaemon daemon;
  daemon.Serve("socket,id=q,reconnect=100,path=" + (folder / "s"), "q");
  CHECK_EQ(daemon.chardevs.List().front().filename, "disconnected:unix:" + (folder / "s"));
}
