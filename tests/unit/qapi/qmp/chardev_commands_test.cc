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
           "{\"return\": [{\"name\": \"null\"}, {\"name\": \"socket\"}, {\"name\": \"stdio\"}]}");
}
