// Tests of what a service manager is told and tells.
#include "service_manager.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "base/fd.h"
#include "tools_fixture.h"

using namespace fusebay;
using fusebay::test::TempFolder;

namespace {

// A service manager's socket.
struct Manager {
  UniqueFd fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  explicit Manager(const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name.front() == '@') {
      address.sun_path[0] = '\0';
    }
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    CHECK_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  ~Manager() { ::unsetenv("NOTIFY_SOCKET"); }
  std::string Heard() const {
    std::string text(100, '\0');
    const ssize_t n = ::recv(fd.get(), text.data(), text.size(), 0);
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return text;
  }
};

void SetListen(const std::string& pid, const char* count) {
  ::setenv("LISTEN_PID", pid.c_str(), 1);
  ::setenv("LISTEN_FDS", count, 1);
}

}  // namespace

TEST(ManagerHearsTheState) {
  const TempFolder folder;
  const Manager manager(folder / "notify");
  CHECK_OK(NotifyManager("READY=1"));
  CHECK_EQ(manager.Heard(), "READY=1");
}

TEST(ManagerMayHaveAnAbstractName) {
  const Manager manager("@fusebay-test-" + std::to_string(::getpid()));
  CHECK_OK(NotifyManager("STOPPING=1"));
  CHECK_EQ(manager.Heard(), "STOPPING=1");
}

TEST(WithoutAManagerNothingIsSaid) {
  ::unsetenv("NOTIFY_SOCKET");
  CHECK_OK(NotifyManager("READY=1"));
}

TEST(ManagerThatCannotBeReachedIsNamed) {
  ::setenv("NOTIFY_SOCKET", "/no/such/socket", 1);
  CHECK_MESSAGE(NotifyManager("READY=1"), "NOTIFY_SOCKET '/no/such/socket': ");
  ::setenv("NOTIFY_SOCKET", "relative", 1);
  CHECK_MESSAGE(NotifyManager("READY=1"), "Invalid argument");
  ::unsetenv("NOTIFY_SOCKET");
}

TEST(SocketsForThisProcessAreTakenOnce) {
  SetListen(std::to_string(::getpid()), "2");
  CHECK_EQ(TakeListenFds(), 2);
  CHECK(std::getenv("LISTEN_FDS") == nullptr);
  CHECK_EQ(TakeListenFds(), 0);
}

TEST(SocketsForAnotherProcessAreNot) {
  SetListen("1", "2");
  CHECK_EQ(TakeListenFds(), 0);
}

TEST(NonsenseIsNoSocket) {
  for (const char* count : {"", "x", "-1", "2x", "99999"}) {
    SetListen(std::to_string(::getpid()), count);
    CHECK_EQ(TakeListenFds(), 0);
  }
}
