// Tests of what one client of a monitor sees.
#include "monitor_fixture.h"

using namespace fusebay;
using namespace fusebay::qapi;
using namespace fusebay::test;

TEST(TheGreetingComesFirst) {
  TestDaemon daemon;
  Client client = daemon.Connect();
  CHECK_EQ(client.Line(),
           "{\"QMP\": {\"version\": {\"qemu\": {\"major\": 7, \"minor\": 2, \"micro\": 0}, "
           "\"package\": \"test\"}, \"capabilities\": [\"oob\"]}}");
}

TEST(RequestsAreAnsweredInOrder) {
  TestDaemon daemon;
  Client client = daemon.Connect();
  client.Negotiate();
  client.Send("{'execute':'hello','id':1} {'execute':'nope','id':2}\n{'execute':'hello','id':3}");
  CHECK_EQ(client.Line(), "{\"return\": {}, \"id\": 1}");
  CHECK(client.Line().find("CommandNotFound") != std::string::npos);
  CHECK_EQ(client.Line(), "{\"return\": {}, \"id\": 3}");
}

TEST(BytesMayComeOneByOne) {
  TestDaemon daemon;
  Client client = daemon.Connect();
  client.Negotiate();
  for (const char byte : std::string("{\"execute\": \"hello\", \"arguments\": {\"a\": [1, {}]}}")) {
    client.Send(std::string(1, byte));
    daemon.Turns(2);
  }
  CHECK_EQ(client.Line(), "{\"return\": {\"a\": [1, {}]}}");
}

TEST(WhatIsNoJsonIsAnErrorAndNotTheEnd) {
  TestDaemon daemon;
  Client client = daemon.Connect();
  client.Negotiate();
  CHECK(client.Ask("{'execute' }\n").starts_with("{\"error\": {\"class\": \"GenericError\""));
  client.Send("\xff");
  std::string line;
  do {
    line = client.Ask("{'execute':'hello','id':'x'}");
  } while (line.starts_with("{\"error\""));
  CHECK_EQ(line, "{\"return\": {}, \"id\": \"x\"}");
}

TEST(PrettyMonitorsUseSeveralLines) {
  TestDaemon daemon;
  Client client = daemon.Connect(",pretty=on");
  CHECK_EQ(client.Line(), "{");
  CHECK_EQ(client.Line(), "    \"QMP\": {");
}

TEST(WhatWasSentIsRunAfterTheClientEndsItsInput) {
  TestDaemon daemon;
  Client client = daemon.Connect();
  client.Negotiate();
  client.Send("{'execute':'hello'}{'execute':'hello'}");
  client.EndInput();
  CHECK_EQ(client.Line(), "{\"return\": {}}");
  CHECK_EQ(client.Line(), "{\"return\": {}}");
  CHECK(client.Ended());
}

TEST(WhatWasSentIsRunThoughTheClientHasLeft) {
  TestDaemon daemon;
  Client client = daemon.Connect();
  client.Send("{'execute':'qmp_capabilities'}{'execute':'hello'}");
  client.Leave();
  CHECK(daemon.Until([&] { return daemon.hellos == 1; }));
  CHECK(daemon.Until([&] { return daemon.monitors.connections() == 0; }));
}

TEST(AnIncompleteRequestAtTheEndIsAnError) {
  TestDaemon daemon;
  Client client = daemon.Connect();
  client.Negotiate();
  client.Send("{'execute':");
  client.EndInput();
  CHECK(client.Line().starts_with("{\"error\""));
  CHECK(client.Ended());
}

TEST(OutOfBandOvertakes) {
  TestDaemon daemon;
  Client client = daemon.Connect();
  client.Negotiate("{'enable':['oob']}");
  client.Send("{'execute':'slow','id':1}{'exec-oob':'hello','id':2}");
  CHECK_EQ(client.Line(), "{\"return\": {}, \"id\": 2}");
  daemon.Release();
  CHECK_EQ(client.Line(), "{\"return\": \"slept\", \"id\": 1}");
}

TEST(ManyRequestsInOnePacketAllHaveReplies) {
  TestDaemon daemon;
  Client client = daemon.Connect();
  client.Negotiate();
  std::string requests;
  for (int i = 0; i < 1000; ++i) {
    requests += "{'execute':'hello','id':" + std::to_string(i) + "}";
  }
  client.Send(requests);
  for (int i = 0; i < 1000; ++i) {
    CHECK_EQ(client.Line(), "{\"return\": {}, \"id\": " + std::to_string(i) + "}");
  }
}

namespace {

// Sends the request again and again until nothing is taken any more, which has to be soon.
void SendUntilNotRead(TestDaemon& daemon, const Client& client, const std::string& request) {
  std::size_t sent = 0;
  for (int idle = 0; idle < 200; daemon.Turns(1)) {
    const ssize_t n = ::send(client.fd(), request.data() + sent % request.size(),
                             request.size() - sent % request.size(), MSG_DONTWAIT);
    idle = n > 0 ? 0 : idle + 1;
    sent += n > 0 ? static_cast<std::size_t>(n) : 0;
    CHECK(sent < (std::size_t{4} << 20));
  }
}

}  // namespace

TEST(RepliesOutOfBandAreBounded) {
  TestDaemon daemon;
  Client client = daemon.Connect();
  client.Negotiate("{'enable':['oob']}");
  SendUntilNotRead(daemon, client, "{'exec-oob':'x','id':'" + std::string(60'000, 'a') + "'}");
  CHECK(client.Line().starts_with("{\"id\": \"aaa"));
}

TEST(LargeRequestsThatWaitAreBounded) {
  TestDaemon daemon;
  Client client = daemon.Connect();
  client.Negotiate();
  client.Send("{'execute':'slow'}");
  SendUntilNotRead(daemon, client, "{'execute':'hello','id':'" + std::string(700'000, 'a') + "'}");
  daemon.Release();
  CHECK_EQ(client.Line(), "{\"return\": \"slept\"}");
  CHECK(client.Line().starts_with("{\"return\": {}, \"id\": \"aaa"));
}

TEST(AClientThatDoesNotReadIsNotRead) {
  TestDaemon daemon;
  Client client = daemon.Connect();
  client.Negotiate();
  SendUntilNotRead(daemon, client,
                   "{'execute':'big'}                                               ");
  // Others are served meanwhile, and so is this one once it reads.
  Client other = daemon.Connect();
  other.Negotiate();
  CHECK_EQ(other.Ask("{'execute':'hello'}"), "{\"return\": {}}");
  CHECK(client.Line().starts_with("{\"return\": \"xxx"));
}
