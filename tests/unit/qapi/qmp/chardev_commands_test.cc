// Tests of chardev-add and its like, through a monitor.
#include "monitor_fixture.h"

using namespace fusebay;
using namespace fusebay::qapi;
using namespace fusebay::test;

TEST(ChardevsAreAddedAndRemoved) {
  TestDaemon daemon;
  AddChardevCommands(daemon.commands, daemon.chardevs);
  Client client = daemon.Connect();
  client.Negotiate();
  CHECK_EQ(client.Ask("{'execute':'chardev-add','arguments':{'id':'n','backend':{'type':'null',"
                      "'data':{}}}}"),
           "{\"return\": {}}");
  CHECK_EQ(client.Ask("{'execute':'chardev-add','arguments':{'id':'n','backend':{'type':'null',"
                      "'data':{}}}}"),
           "{\"error\": {\"class\": \"GenericError\", \"desc\": \"Chardev with id 'n' already "
           "exists\"}}");
  CHECK_EQ(client.Ask("{'execute':'chardev-remove','arguments':{'id':'n'}}"), "{\"return\": {}}");
  CHECK_EQ(client.Ask("{'execute':'chardev-remove','arguments':{'id':'c1'}}"),
           "{\"error\": {\"class\": \"GenericError\", \"desc\": \"Chardev 'c1' is busy\"}}");
}

TEST(AnIdleChardevIsChanged) {
  TestDaemon daemon;
  AddChardevCommands(daemon.commands, daemon.chardevs);
  Client client = daemon.Connect();
  client.Negotiate();
  const auto ask = [&client](const std::string& command, const std::string& id,
                             const std::string& backend) {
    return client.Ask("{'execute':'chardev-" + command + "','arguments':{'id':'" + id +
                      "','backend':" + backend + "}}");
  };
  const std::string null = "{'type':'null','data':{}}";
  const std::string missing =
      "{'type':'socket','data':{'addr':{'type':'unix','data':{'path':'/nonexistent/x'}},"
      "'server':false}}";
  CHECK(ask("change", "n", null).find("Chardev 'n' does not exist") != std::string::npos);
  CHECK_EQ(ask("add", "n", null), "{\"return\": {}}");
  CHECK_EQ(ask("change", "n", null), "{\"return\": {}}");
  CHECK(ask("change", "c1", null).find("does not support chardev hotswap") != std::string::npos);
  CHECK(ask("change", "n", missing).find("Failed to add chardev 'n': Failed to connect") !=
        std::string::npos);
  CHECK(!daemon.chardevs.Has("n"));
}

TEST(AnErrorNamesTheChardev) {
  TestDaemon daemon;
  AddChardevCommands(daemon.commands, daemon.chardevs);
  Client client = daemon.Connect();
  client.Negotiate();
  CHECK_EQ(client.Ask("{'execute':'chardev-add','arguments':{'id':'n','backend':{'type':'socket',"
                      "'data':{'addr':{'type':'unix','data':{'path':'/nonexistent/x'}},"
                      "'server':false}}}}"),
           "{\"error\": {\"class\": \"GenericError\", \"desc\": \"Failed to add chardev 'n': "
           "Failed to connect to '/nonexistent/x': No such file or directory\"}}");
}

TEST(ChardevsAndBackendsAreListed) {
  TestDaemon daemon;
  AddChardevCommands(daemon.commands, daemon.chardevs);
  Client client = daemon.Connect();
  client.Negotiate();
  const std::string list = client.Ask("{'execute':'query-chardev'}");
  CHECK(list.find("\"frontend-open\": true") != std::string::npos);
  CHECK(list.find("\"label\": \"c1\"") != std::string::npos);
  CHECK_EQ(client.Ask("{'execute':'query-chardev-backends'}"),
           "{\"return\": [{\"name\": \"file\"}, {\"name\": \"null\"}, {\"name\": \"socket\"}, "
           "{\"name\": \"stdio\"}]}");
}
