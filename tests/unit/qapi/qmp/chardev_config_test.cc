// Tests of --chardev's text and of chardev-add's arguments.
#include "monitor_fixture.h"

using namespace fusebay;
using namespace fusebay::qapi;
using namespace fusebay::test;

namespace {

SocketChardevConfig Socket(const std::string& text) {
  const auto config = ParseChardevOption(text);
  CHECK_OK(config);
  return std::get<SocketChardevConfig>(config->backend);
}

Result<ChardevConfig, Error> FromBackend(const std::string& json) {
  const auto value = ParseJson(json);
  CHECK_OK(value);
  const auto backend = FromJson<ChardevBackend>(*value);
  CHECK_OK(backend);
  return ChardevConfigOf("a", *backend);
}

}  // namespace

TEST(AServersOptionsAreRead) {
  const auto config = Socket("socket,id=q,path=a,,b,server=on,wait=off");
  CHECK_EQ(std::get<UnixPlace>(config.place).path, "a,b");
  CHECK(config.server);
  CHECK(!config.wait);
}

TEST(AServerWaitsUnlessToldNotTo) {
  CHECK(Socket("socket,id=q,path=a,server=on").wait);
  CHECK(!Socket("socket,id=q,path=a").wait);
}

TEST(BareWordsAreSwitches) {
  const auto config = Socket("socket,path=a,server,nowait,id=q,nodelay");
  CHECK(config.server);
  CHECK(!config.wait);
  CHECK(config.nodelay);
}

TEST(ClientsAndOtherPlaces) {
  CHECK_EQ(Socket("socket,id=q,path=a,reconnect=5").reconnect_s, 5U);
  CHECK_EQ(std::get<FdPlace>(Socket("socket,id=q,fd=12").place).fd, 12);
  const auto inet = std::get<InetPlace>(Socket("socket,id=q,host=h,port=77,ipv4=on").place);
  CHECK_EQ(inet.host + ":" + inet.port, "h:77");
  CHECK(inet.ipv4 == true);
  CHECK(std::get<UnixPlace>(Socket("socket,id=q,path=a,abstract=on").place).abstract);
}

TEST(OtherBackendsAreRead) {
  const auto file = ParseChardevOption("file,id=f,path=x,append=on");
  CHECK_OK(file);
  CHECK_EQ(std::get<FileChardevConfig>(file->backend).out, "x");
  CHECK(std::get<FileChardevConfig>(file->backend).append);
  CHECK_OK(ParseChardevOption("stdio,id=s,signal=on"));
  CHECK_OK(ParseChardevOption("backend=null,id=n,mux=off"));
}

TEST(WrongTextsAreRefusedByName) {
  CHECK_MESSAGE(ParseChardevOption("socket,path=x"), "chardev: no id specified");
  CHECK_MESSAGE(ParseChardevOption("null,id=1"), "Parameter 'id' expects an identifier");
  CHECK_MESSAGE(ParseChardevOption("id=a"), "chardev: \"a\" missing backend");
  CHECK_MESSAGE(ParseChardevOption("foo,id=a"), "'foo' is not a valid char driver name");
  CHECK_MESSAGE(ParseChardevOption("null,id=a,bogus=1"), "Invalid parameter 'bogus'");
  CHECK_MESSAGE(ParseChardevOption("file,id=a"), "chardev: file: no filename given");
}

TEST(WrongSocketsAreRefusedByName) {
  const auto refused = [](const std::string& more, const std::string& message) {
    CHECK_MESSAGE(ParseChardevOption("socket,id=a" + more), message);
  };
  refused(",server=maybe,path=x", "Parameter 'server' expects 'on' or 'off'");
  refused("", "one of 'path', 'fd' or 'host' is required");
  refused(",path=x,host=y", "one of 'path', 'fd' or 'host' is required");
  refused(",host=y", "chardev: socket: no port given");
  refused(",fd=xx", "Unable to parse FD number xx");
  refused(",path=x,wait=on", "'wait' option is incompatible with socket in client connect mode");
  refused(",path=x,server=on,reconnect=3",
          "'reconnect' option is incompatible with socket in server listen mode");
  refused(",path=x,reconnect=y", "Parameter 'reconnect' expects a number");
  refused(",path=x,telnet=on", "parameter 'telnet' is not supported");
}

TEST(ArgumentsMakeTheSame) {
  const auto config = FromBackend(
      "{'type':'socket','data':{'addr':{'type':'unix','data':{'path':'x'}},'server':false,"
      "'reconnect':2}}");
  CHECK_OK(config);
  const auto& socket = std::get<SocketChardevConfig>(config->backend);
  CHECK_EQ(std::get<UnixPlace>(socket.place).path, "x");
  CHECK(!socket.server);
  CHECK_EQ(socket.reconnect_s, 2U);
  CHECK_OK(FromBackend("{'type':'null','data':{}}"));
  CHECK_OK(FromBackend("{'type':'stdio','data':{}}"));
}

TEST(ArgumentsMayNotWait) {
  const std::string server =
      "{'type':'socket','data':{'addr':{'type':'unix','data':{'path':'x'}},'wait':";
  CHECK_MESSAGE(FromBackend(server + "true}}"), "only the command line may wait");
  CHECK_OK(FromBackend(server + "false}}"));
}

TEST(ArgumentsNameOtherPlaces) {
  const auto inet = FromBackend(
      "{'type':'socket','data':{'nodelay':true,'addr':{'type':'inet','data':{'host':'h','port':'1',"
      "'ipv6':false}}}}");
  CHECK_OK(inet);
  const auto& socket = std::get<SocketChardevConfig>(inet->backend);
  CHECK(socket.nodelay);
  CHECK_EQ(std::get<InetPlace>(socket.place).host, "h");
  CHECK_EQ(std::get<InetPlace>(socket.place).port, "1");
  CHECK_EQ(std::get<InetPlace>(socket.place).ipv6.value(), false);
  const auto abstract = FromBackend(
      "{'type':'socket','data':{'addr':{'type':'unix','data':{'path':'n','abstract':true,"
      "'tight':false}}}}");
  CHECK_OK(abstract);
  const auto& place = std::get<UnixPlace>(std::get<SocketChardevConfig>(abstract->backend).place);
  CHECK(place.abstract);
  CHECK(!place.tight);
  const auto file = FromBackend("{'type':'file','data':{'out':'o','in':'i','append':true}}");
  CHECK_OK(file);
  CHECK_EQ(std::get<FileChardevConfig>(file->backend).out, "o");
  CHECK_EQ(std::get<FileChardevConfig>(file->backend).in.value(), "i");
  CHECK(std::get<FileChardevConfig>(file->backend).append);
}

TEST(ArgumentsListenAtOnceByDefault) {
  const auto config =
      FromBackend("{'type':'socket','data':{'addr':{'type':'unix','data':{'path':'x'}}}}");
  CHECK_OK(config);
  const auto& socket = std::get<SocketChardevConfig>(config->backend);
  CHECK(socket.server);
  CHECK(!socket.wait);
}

TEST(ArgumentsCannotNameADescriptor) {
  CHECK_MESSAGE(FromBackend("{'type':'socket','data':{'addr':{'type':'fd','data':{'str':'3'}}}}"),
                "only the command line may pass file descriptors");
}
