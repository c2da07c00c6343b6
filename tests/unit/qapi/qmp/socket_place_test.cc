// Tests of listening and connecting.
#include "qmp/socket_place.h"

#include <fstream>

#include "monitor_fixture.h"

using namespace fusebay;
using namespace fusebay::qapi;
using namespace fusebay::test;

namespace {

SocketPlace At(const std::string& path) { return UnixPlace{.path = path}; }

bool Exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

}  // namespace

TEST(AUnixSocketIsListenedToAndItsFileRemoved) {
  const TempFolder folder;
  const std::string path = folder / "s";
  {
    const auto listener = ListenAt(At(path));
    CHECK_OK(listener);
    CHECK_EQ(listener->name, "unix:" + path);
    const auto connected = ConnectTo(At(path));
    CHECK_OK(connected);
  }
  CHECK(!Exists(path));
}

TEST(AStaleSocketIsTakenOver) {
  const TempFolder folder;
  const std::string path = folder / "s";
  const UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  CHECK_EQ(::bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  CHECK_OK(ListenAt(At(path)));
}

TEST(ALiveSocketIsLeftAlone) {
  const TempFolder folder;
  const std::string path = folder / "s";
  const auto first = ListenAt(At(path));
  CHECK_OK(first);
  CHECK_MESSAGE(ListenAt(At(path)),
                "Failed to bind socket to " + path + ": Address already in use");
  CHECK_OK(ConnectTo(At(path)));
}

TEST(AFileThatIsNoSocketIsLeftAlone) {
  const TempFolder folder;
  const std::string path = folder / "s";
  std::ofstream(path) << "precious";
  CHECK_MESSAGE(ListenAt(At(path)), "the file exists and is no socket");
  CHECK(Exists(path));
}

TEST(AnotherSocketAtOurPathIsNotRemoved) {
  const TempFolder folder;
  const std::string path = folder / "s";
  {
    const auto first = ListenAt(At(path));
    CHECK_OK(first);
    std::filesystem::rename(path, folder / "old");
    std::ofstream(path) << "somebody else's";
  }
  CHECK(Exists(path));
}

TEST(AnAbstractSocketHasNoFile) {
  const SocketPlace place =
      UnixPlace{.path = "fusebay-test-" + std::to_string(::getpid()), .abstract = true};
  const auto listener = ListenAt(place);
  CHECK_OK(listener);
  CHECK_EQ(listener->name, "unix:@" + std::get<UnixPlace>(place).path);
  CHECK_OK(ConnectTo(place));
}

TEST(TcpListensAndConnects) {
  const auto listener = ListenAt(InetPlace{.host = "127.0.0.1", .port = "0"});
  CHECK_OK(listener);
  const std::string start = "tcp:127.0.0.1:";
  CHECK(listener->name.starts_with(start));
  CHECK_OK(ConnectTo(InetPlace{.host = "127.0.0.1", .port = listener->name.substr(start.size())}));
}

TEST(ErrorsSayWhereAndWhy) {
  const TempFolder folder;
  CHECK_MESSAGE(ConnectTo(At(folder / "no")),
                "Failed to connect to '" + (folder / "no") + "': No such file or directory");
  CHECK_MESSAGE(ListenAt(At(folder / "no/s")),
                "Failed to bind socket to " + (folder / "no/s") + ": No such file or directory");
  CHECK_MESSAGE(ListenAt(At(std::string(120, 'a'))), "Path must be less than 108 bytes");
  CHECK_MESSAGE(ConnectTo(FdPlace{.fd = 999}), "File descriptor '999' is not a socket");
  CHECK_MESSAGE(ConnectTo(InetPlace{.host = "127.0.0.1", .port = "x?"}), "address resolution");
}

TEST(ConnectingHasLimits) {
  const TempFolder folder;
  const std::string path = folder / "s";
  // With no room for another one.
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  CHECK_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  CHECK_EQ(::listen(listener.get(), 0), 0);
  const UniqueFd first = ConnectUnix(path);
  const auto soon = Clock::now() + std::chrono::milliseconds(30);
  CHECK_MESSAGE(ConnectTo(At(path), {.deadline = soon}), "timed out");
  const std::atomic<bool> cancelled{true};
  CHECK_MESSAGE(ConnectTo(At(path), {.cancelled = &cancelled}), "canceled");
}

TEST(AnInheritedSocketHasItsOwnName) {
  const TempFolder folder;
  auto listener = ListenAt(At(folder / "s"));
  CHECK_OK(listener);
  const auto taken = ListenAt(FdPlace{.fd = listener->fds.front().Release()});
  CHECK_OK(taken);
  CHECK_EQ(taken->name, "unix:" + (folder / "s"));
}
