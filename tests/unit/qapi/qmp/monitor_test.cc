// Tests of monitors together: events, several clients, the end.
#include "qapi/monitor.h"

#include "core/scope.h"
#include "monitor_fixture.h"

using namespace fusebay;
using namespace fusebay::qapi;
using namespace fusebay::test;

namespace {

const JsonValue kEvent = JsonDict{{"event", "E"}};

}  // namespace

TEST(AChardevHasOneMonitor) {
  TestDaemon daemon;
  Client client = daemon.Connect();
  MonitorOptions options;
  options.chardev = "c1";
  CHECK_MESSAGE(daemon.monitors.Add(options, daemon.chardevs), "Device 'c1' is in use");
  options.chardev = "none";
  CHECK_MESSAGE(daemon.monitors.Add(options, daemon.chardevs), "chardev \"none\" not found");
}

TEST(EventsReachThoseWhoHaveNegotiated) {
  TestDaemon daemon;
  Client one = daemon.Connect();
  Client two = daemon.Connect();
  Client mute = daemon.Connect();
  one.Negotiate();
  two.Negotiate();
  CHECK(mute.Line().starts_with("{\"QMP\""));
  daemon.Emit(kEvent);
  CHECK_EQ(one.Line(), "{\"event\": \"E\"}");
  CHECK_EQ(two.Line(), "{\"event\": \"E\"}");
  CHECK_EQ(mute.Ask("{'execute':'qmp_capabilities'}"), "{\"return\": {}}");
}

TEST(AClientThatNeverReadsItsEventsIsCutOff) {
  TestDaemon daemon;
  Client deaf = daemon.Connect();
  Client good = daemon.Connect();
  deaf.Negotiate();
  good.Negotiate();
  const JsonValue event = JsonDict{{"event", std::string(60'000, 'e')}};
  for (int i = 0; i < 100; ++i) {
    daemon.Emit(event);
    CHECK(good.Line().starts_with("{\"event\""));
  }
  CHECK_EQ(daemon.monitors.connections(), std::size_t{1});
  CHECK_EQ(good.Ask("{'execute':'hello'}"), "{\"return\": {}}");
}

TEST(CommandsOfTwoClientsRunOneAfterTheOther) {
  TestDaemon daemon;
  Client one = daemon.Connect();
  Client two = daemon.Connect();
  one.Negotiate();
  two.Negotiate();
  one.Send("{'execute':'slow'}");
  CHECK(daemon.Until([&] { return daemon.slow == 1; }));
  two.Send("{'execute':'slow'}");
  daemon.Turns(20);
  CHECK_EQ(daemon.slow, 1);
  daemon.Release();
  CHECK_EQ(two.Line(), "{\"return\": \"slept\"}");
}

TEST(ACommandRunsOnWhenItsClientLeaves) {
  TestDaemon daemon;
  Client leaving = daemon.Connect();
  leaving.Negotiate();
  leaving.Send("{'execute':'slow'}");
  CHECK(daemon.Until([&] { return daemon.slow == 1; }));
  leaving.Leave();
  daemon.Turns(20);
  CHECK_EQ(daemon.slow, 1);
  daemon.Release();
  CHECK(daemon.Until([&] { return daemon.monitors.connections() == 0; }));
  CHECK_EQ(daemon.slow, 0);
}

TEST(NothingIsBegunAfterHold) {
  TestDaemon daemon;
  Client one = daemon.Connect();
  Client two = daemon.Connect();
  one.Negotiate();
  two.Negotiate();
  one.Send("{'execute':'leave'}{'execute':'hello'}");
  CHECK_EQ(one.Line(), "{\"return\": {}}");
  two.Send("{'execute':'hello'}");
  daemon.Turns(20);
  CHECK_EQ(daemon.hellos, 0);
  daemon.Emit(kEvent);
  CHECK_EQ(two.Line(), "{\"event\": \"E\"}");
}

namespace {

Task<Unit> HoldAndAwait(TestDaemon& daemon, bool& none_runs) {
  daemon.monitors.HoldRequests();
  co_await daemon.monitors.AwaitCommands();
  none_runs = daemon.slow == 0;
  co_return Unit{};
}

}  // namespace

TEST(CommandsThatRunAreAwaited) {
  TestDaemon daemon;
  Client one = daemon.Connect();
  Client two = daemon.Connect();
  one.Negotiate();
  two.Negotiate();
  one.Send("{'execute':'slow'}");
  CHECK(daemon.Until([&] { return daemon.slow == 1; }));
  two.Send("{'execute':'hello'}");
  daemon.Turns(20);
  TaskScope scope;
  bool none_runs = false;
  daemon.loop->Post([&] { scope.Spawn(HoldAndAwait(daemon, none_runs)); });
  daemon.Turns(20);
  CHECK_EQ(scope.running(), std::size_t{1});
  daemon.Release();
  CHECK_EQ(one.Line(), "{\"return\": \"slept\"}");
  daemon.Run(scope.Join());
  CHECK(none_runs);
  CHECK_EQ(daemon.hellos, 0);
}

TEST(AServerGivesUpItsPlaceBeforeItsClients) {
  const TempFolder folder;
  TestDaemon daemon;
  daemon.Serve("socket,id=q,server=on,wait=off,path=" + (folder / "s"), "q");
  Client client(daemon, ConnectUnix(folder / "s"));
  client.Negotiate();
  daemon.Run(daemon.monitors.StopAccepting());
  daemon.chardevs.Close();
  CHECK(!std::filesystem::exists(folder / "s"));
  TestDaemon next;
  next.Serve("socket,id=q,server=on,wait=off,path=" + (folder / "s"), "q");
  CHECK_EQ(client.Ask("{'execute':'hello'}"), "{\"return\": {}}");
  daemon.Stop();
  CHECK(client.Ended());
  CHECK(std::filesystem::exists(folder / "s"));
}

TEST(StopLetsRepliesAndEventsLeave) {
  TestDaemon daemon;
  Client client = daemon.Connect();
  client.Negotiate();
  client.Send("{'execute':'slow'}");
  CHECK(daemon.Until([&] { return daemon.slow == 1; }));
  daemon.Emit(kEvent);
  daemon.Stop();
  CHECK_EQ(client.Line(), "{\"event\": \"E\"}");
  CHECK_EQ(client.Line(), "{\"return\": \"slept\"}");
  CHECK(client.Ended());
}

TEST(StopDoesNotWaitForADeafClient) {
  TestDaemon daemon;
  Client client = daemon.Connect();
  client.Negotiate();
  client.Send("{'execute':'big'}");
  daemon.Turns(20);
  const auto start = Clock::now();
  daemon.Stop();
  CHECK(Clock::now() - start < std::chrono::seconds(5));
  CHECK_EQ(daemon.monitors.connections(), std::size_t{0});
}

TEST(StopReleasesTheChardevs) {
  TestDaemon daemon;
  Client client = daemon.Connect();
  daemon.Stop();
  CHECK_OK(daemon.chardevs.Remove("c1"));
}
