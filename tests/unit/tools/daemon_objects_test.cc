// Tests of objects and of the commands about them.
#include "daemon_objects.h"

#include <fstream>

#include "qapi/json_stream.h"
#include "tools_fixture.h"

using namespace fusebay;
using fusebay::test::TempFolder;
using qapi::JsonValue;

namespace {

class Daemon {
 public:
  Daemon() : objects(workers) { AddObjectCommands(commands_, objects); }

  Result<Unit, Error> Add(const std::string& text) {
    FB_ASSIGN(auto options, qapi::FromOption<qapi::ObjectOptions>(text, "qom-type"));
    return loop_->RunUntilDone(objects.Add(std::move(options)));
  }
  // Runs a command; its reply, or the description of its error, as text.
  std::string Run(const std::string& name, const std::string& arguments) {
    const auto request =
        qapi::ParseJson("{\"execute\": \"" + name + "\", \"arguments\": {" + arguments + "}}");
    CHECK_OK(request);
    const JsonValue reply = loop_->RunUntilDone(Dispatch(commands_, session_, *request));
    if (const JsonValue* const error = reply.AsDict()->Find("error")) {
      return *error->AsDict()->Find("desc")->AsString();
    }
    return FormatJson(*reply.AsDict()->Find("return"));
  }

 private:
  WorkerPool workers;
  std::unique_ptr<AioContext> loop_ = std::move(*AioContext::Create({}, workers));
  qapi::QmpCommands commands_;
  qapi::QmpSession session_{.negotiated = true};

 public:
  DaemonObjects objects;
};

}  // namespace

TEST(IothreadHasALoopOfItsName) {
  Daemon daemon;
  CHECK_OK(daemon.Add("iothread,id=t0"));
  const std::vector<std::string> ids = {"t0", "t0"};
  const auto use = daemon.objects.UseIothreads(ids);
  CHECK_OK(use);
  CHECK_EQ(use->loops().size(), 1u);
  CHECK_EQ(use->loops()[0]->name(), "IO t0");
}

TEST(IothreadInUseStays) {
  Daemon daemon;
  CHECK_OK(daemon.Add("iothread,id=t0"));
  {
    const std::vector<std::string> ids = {"t0"};
    const auto use = daemon.objects.UseIothreads(ids);
    CHECK_MESSAGE(daemon.objects.Remove("t0"), "object 't0' is in use, can not be deleted");
  }
  CHECK_OK(daemon.objects.Remove("t0"));
  CHECK_MESSAGE(daemon.objects.Remove("t0"), "object 't0' not found");
}

TEST(WhatIsNoIothreadServesNothing) {
  Daemon daemon;
  CHECK_OK(daemon.Add("secret,id=s,data=x"));
  for (const char* id : {"s", "nobody"}) {
    const std::vector<std::string> ids = {id};
    CHECK_MESSAGE(daemon.objects.UseIothreads(ids),
                  "iothread \"" + std::string(id) + "\" not found");
  }
}

TEST(IdsAreChecked) {
  Daemon daemon;
  CHECK_OK(daemon.Add("iothread,id=a-b.c_9"));
  CHECK_MESSAGE(daemon.Add("iothread,id=a-b.c_9"),
                "attempt to add duplicate property 'a-b.c_9' to object (type 'container')");
  CHECK_MESSAGE(daemon.Add("iothread,id=9a"), "Parameter 'id' expects an identifier");
  CHECK_MESSAGE(daemon.Add("iothread,id=a b"), "Parameter 'id' expects an identifier");
}

TEST(NegativePollingIsRefused) {
  Daemon daemon;
  CHECK_MESSAGE(daemon.Add("iothread,id=t,poll-max-ns=-1"),
                "poll-max-ns value must be in range [0, 9223372036854775807]");
}

TEST(SecretHasOneSource) {
  Daemon daemon;
  CHECK_MESSAGE(daemon.Add("secret,id=s"), "Either 'file' or 'data' must be provided");
  CHECK_MESSAGE(daemon.Add("secret,id=s,data=a,file=b"),
                "'file' and 'data' are mutually exclusive");
}

TEST(FileOfASecretMustBeReadable) {
  Daemon daemon;
  const TempFolder folder;
  std::ofstream(folder / "s") << "%%";
  CHECK_OK(daemon.Add("secret,id=s,file=" + (folder / "s")));
  CHECK_MESSAGE(daemon.Add("secret,id=b,format=base64,file=" + (folder / "s")),
                "Base64 data contains invalid characters");
  CHECK_MESSAGE(daemon.Add("secret,id=x,file=/no/such"), "Unable to read /no/such: Failed to open");
}

TEST(TreeIsListed) {
  Daemon daemon;
  CHECK_OK(daemon.Add("iothread,id=t0"));
  CHECK_EQ(daemon.Run("qom-list", R"("path": "/objects")"),
           R"([{"name": "type", "type": "string"}, {"name": "t0", "type": "child<iothread>"}])");
  const std::string list = daemon.Run("qom-list", R"("path": "t0")");
  CHECK(list.find(R"({"name": "poll-max-ns", "type": "int"})") != std::string::npos);
  CHECK_EQ(daemon.Run("qom-list", R"("path": "//objects/t0/")"), list);
  CHECK_EQ(daemon.Run("qom-list", R"("path": "/t0")"), "Device '/t0' not found");
  CHECK_EQ(daemon.Run("qom-list", R"("path": "")"), "Path '' is ambiguous");
}

TEST(KindsAreListed) {
  Daemon daemon;
  CHECK_EQ(daemon.Run("qom-list-types", R"("implements": "user-creatable")"),
           R"([{"name": "iothread", "parent": "object"}, {"name": "secret", "parent": "object"}])");
  CHECK_EQ(daemon.Run("qom-list-types", R"("implements": "iothread", "abstract": true)"),
           R"([{"name": "iothread", "parent": "object"}])");
  CHECK_EQ(daemon.Run("qom-list-types", R"("implements": "nope")"), "[]");
  CHECK(daemon.Run("qom-list-types", "").find("abstract") == std::string::npos);
  CHECK(daemon.Run("qom-list-types", R"("abstract": true)").find("\"abstract\": true") !=
        std::string::npos);
}

TEST(PropertiesOfAKindAreListed) {
  Daemon daemon;
  CHECK_EQ(daemon.Run("qom-list-properties", R"("typename": "container")"),
           R"([{"name": "type", "type": "string"}])");
  CHECK(daemon.Run("qom-list-properties", R"("typename": "iothread")")
            .find(R"({"name": "poll-grow", "type": "int"})") != std::string::npos);
  CHECK_EQ(daemon.Run("qom-list-properties", R"("typename": "nope")"), "Class 'nope' not found");
  CHECK_EQ(daemon.Run("qom-list-properties", R"("typename": "user-creatable")"),
           "Parameter 'typename' expects a QOM type");
}

TEST(PropertiesAreRead) {
  Daemon daemon;
  CHECK_OK(daemon.Add("iothread,id=t0,poll-grow=3"));
  CHECK_EQ(daemon.Run("qom-get", R"("path": "/objects/t0", "property": "poll-grow")"), "3");
  CHECK_EQ(daemon.Run("qom-get", R"("path": "t0", "property": "poll-max-ns")"), "32768");
  CHECK_EQ(daemon.Run("qom-get", R"("path": "t0", "property": "type")"), "\"iothread\"");
  CHECK_EQ(daemon.Run("qom-get", R"("path": "/objects", "property": "t0")"), "\"/objects/t0\"");
  CHECK_EQ(daemon.Run("qom-get", R"("path": "t0", "property": "x")"),
           "Property 'iothread.x' not found");
}

TEST(PropertiesAreChanged) {
  Daemon daemon;
  CHECK_OK(daemon.Add("iothread,id=t0,poll-grow=3"));
  CHECK_EQ(daemon.Run("qom-set", R"("path": "t0", "property": "poll-max-ns", "value": 7)"), "{}");
  CHECK_EQ(daemon.Run("qom-get", R"("path": "t0", "property": "poll-max-ns")"), "7");
  CHECK_EQ(daemon.Run("qom-get", R"("path": "t0", "property": "poll-grow")"), "3");
}

TEST(WrongChangesAreRefused) {
  Daemon daemon;
  CHECK_OK(daemon.Add("iothread,id=t0"));
  const auto set = [&daemon](const std::string& rest) {
    return daemon.Run("qom-set", R"("path": "t0", "property": )" + rest);
  };
  CHECK_EQ(set(R"("poll-grow", "value": "x")"),
           "Invalid parameter type for 'poll-grow', expected: integer");
  CHECK_EQ(set(R"("poll-grow", "value": -1)"),
           "poll-grow value must be in range [0, 9223372036854775807]");
  CHECK_EQ(set(R"("type", "value": 1)"), "Property 'iothread.type' is not writable");
  CHECK_EQ(set(R"("y", "value": 1)"), "Property 'iothread.y' not found");
  CHECK_EQ(daemon.Run("qom-set", R"("path": "/objects", "property": "t0", "value": 1)"),
           "Property 'container.t0' is not writable");
}
