// Tests of the client's end of QMP, against a server that the test plays.
#include "qmp_client.h"

#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "check.h"

using namespace fusebay;
using qapi::JsonDict;

namespace {

// What the server will say is written beforehand.
class Played {
 public:
  explicit Played(std::string_view lines) {
    int fds[2];
    CHECK_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    server_ = UniqueFd(fds[0]);
    client_ = UniqueFd(fds[1]);
    CHECK_EQ(::write(server_.get(), lines.data(), lines.size()),
             static_cast<ssize_t>(lines.size()));
  }
  Played& Ended() {
    ::shutdown(server_.get(), SHUT_WR);
    return *this;
  }
  QmpClient Client(Nanoseconds time = std::chrono::milliseconds(50)) {
    return QmpClient(std::move(client_), "test", Clock::now() + time);
  }
  std::string Sent() const {
    char buffer[1000];
    const ssize_t n = ::recv(server_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    return {buffer, static_cast<std::size_t>(std::max<ssize_t>(n, 0))};
  }
  const UniqueFd& server() const { return server_; }

 private:
  UniqueFd server_;
  UniqueFd client_;
};

constexpr std::string_view kGreeting = "{\"QMP\": {}}\r\n{\"return\": {}}\r\n";
const qapi::JsonValue kRequest = JsonDict{{"execute", "c"}};

}  // namespace

TEST(PlacesAreTold) {
  const auto unix_place = ParseSocketPlace("run/a:1");
  CHECK_EQ(std::get<qapi::UnixPlace>(*unix_place).path, "run/a:1");
  CHECK_EQ(std::get<qapi::UnixPlace>(*ParseSocketPlace("a:b")).path, "a:b");
  const auto inet = ParseSocketPlace("[::1]:4444");
  CHECK_EQ(std::get<qapi::InetPlace>(*inet).host, "::1");
  CHECK_EQ(std::get<qapi::InetPlace>(*inet).port, "4444");
  CHECK_EQ(std::get<qapi::FdPlace>(*ParseSocketPlace("fd:7")).fd, 7);
  CHECK_MESSAGE(ParseSocketPlace("fd:99999999999"), "no number of a descriptor");
}

TEST(NegotiationIsOneRequest) {
  Played played(kGreeting);
  QmpClient client = played.Client();
  CHECK_OK(client.Negotiate());
  CHECK_EQ(played.Sent(), "{\"execute\": \"qmp_capabilities\"}\n");
}

TEST(WhoeverIsNoServerIsNamed) {
  Played played("{\"hello\": 1}\n");
  QmpClient client = played.Client();
  CHECK_MESSAGE(client.Negotiate(), "test: no QMP server is there");
  Played garbage("}\n");
  QmpClient other = garbage.Client();
  CHECK_MESSAGE(other.Negotiate(), "test: the server sent no JSON");
}

TEST(EventsBeforeAReplyAreHandled) {
  Played played("{\"event\": \"A\"}{\"event\": \"B\"}{\"return\": 5}");
  QmpClient client = played.Client();
  std::vector<std::string> events;
  client.OnEvent([&](const qapi::JsonValue& event) { events.push_back(qapi::FormatJson(event)); });
  const auto reply = client.Ask(kRequest);
  CHECK_OK(reply);
  CHECK_EQ(qapi::FormatJson(*reply), "{\"return\": 5}");
  CHECK_EQ(events.size(), std::size_t{2});
}

TEST(TheTimeEnds) {
  Played played("");
  QmpClient client = played.Client();
  const auto reply = client.Ask(kRequest);
  CHECK_MESSAGE(reply, "test: the time is over");
}

TEST(TheEndOfTheServerIsAnError) {
  Played played("{\"event\": \"A\"}");
  QmpClient client = played.Ended().Client();
  CHECK_OK(client.WaitForEvent());
  const auto second = client.WaitForEvent();
  CHECK_MESSAGE(second, "the server closed the connection");
  CHECK(second.error().code == Errno(ECONNRESET));
}

TEST(AnotherDescriptorMayBeWaitedFor) {
  Played played("");
  QmpClient client = played.Client();
  int fds[2];
  CHECK_EQ(::pipe(fds), 0);
  const UniqueFd reader(fds[0]);
  const UniqueFd writer(fds[1]);
  CHECK_EQ(::write(writer.get(), "x", 1), 1);
  const auto ready = client.WaitFor(reader.get());
  CHECK_OK(ready);
  CHECK(*ready);
}
