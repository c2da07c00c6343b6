// Requests: their form, negotiation, ids, out of band, and what handlers return.
#include "check.h"
#include "qapi/json_stream.h"
#include "qmp_stub.h"

namespace fusebay::qapi {

namespace {

// A command that may run out of band, and echoes.
struct EchoCommand {
  static constexpr QmpCommandInfo kInfo{.name = "echo", .allow_oob = true};
  using Arguments = String;
  using Return = String;
};

class Client {
 public:
  explicit Client(bool negotiated = true) {
    session_.negotiated = negotiated;
    AddAllCommands(commands_);
    commands_.Add<EchoCommand>([](String text, QmpSession&) {
      return Task<Result<String, QmpError>>(Result<String, QmpError>(std::move(text)));
    });
  }
  QmpSession& session() { return session_; }

  std::string Ask(std::string_view request) {
    return FormatJson(RunNow(Dispatch(commands_, session_, *ParseJson(request))));
  }
  // The description of the error.
  std::string Why(std::string_view request) {
    const JsonValue reply = RunNow(Dispatch(commands_, session_, *ParseJson(request)));
    return *reply.AsDict()->Find("error")->AsDict()->Find("desc")->AsString();
  }

 private:
  QmpCommands commands_;
  QmpSession session_;
};

}  // namespace

TEST(ReturnValueAndIdAreInTheReply) {
  CHECK_EQ(Client().Ask("{'execute':'echo','arguments':{'str':'x'},'id':[1]}"),
           R"({"return": {"str": "x"}, "id": [1]})");
}

TEST(ErrorHasTheIdToo) {
  CHECK_EQ(Client().Ask("{'execute':'zz','id':null}"),
           "{\"id\": null, \"error\": {\"class\": \"CommandNotFound\", \"desc\": "
           "\"The command zz has not been found\"}}");
}

TEST(RequestHasAForm) {
  Client client;
  CHECK_EQ(client.Why("[]"), "QMP input must be a JSON object");
  CHECK_EQ(client.Why("{}"), "QMP input lacks member 'execute'");
  CHECK_EQ(client.Why("{'execute':1}"), "QMP input member 'execute' must be a string");
  CHECK_EQ(client.Why("{'execute':'echo','arguments':[]}"),
           "QMP input member 'arguments' must be an object");
  CHECK_EQ(client.Why("{'execute':'echo','x':1}"), "QMP input member 'x' is unexpected");
}

TEST(ArgumentsAreChecked) {
  Client client;
  CHECK_EQ(client.Why("{'execute':'echo'}"), "Parameter 'str' is missing");
  CHECK_EQ(client.Why("{'execute':'query-block','arguments':{'x':1}}"),
           "Parameter 'x' is unexpected");
  CHECK_EQ(client.Why("{'execute':'block-export-del','arguments':{'id':'e'}}"), kStubError);
}

TEST(NegotiationComesFirst) {
  Client client(false);
  CHECK_EQ(client.Why("{'execute':'zz'}"),
           "Expecting capabilities negotiation with 'qmp_capabilities'");
  CHECK_EQ(client.Ask("{'execute':'qmp_capabilities'}"), R"({"return": {}})");
  CHECK_EQ(client.Why("{'execute':'zz'}"), "The command zz has not been found");
}

TEST(OutOfBandIsNegotiated) {
  Client client;
  const JsonValue request = *ParseJson("{'exec-oob':'echo','arguments':{'str':'x'}}");
  CHECK_EQ(client.Why(FormatJson(request)), "QMP input member 'exec-oob' is unexpected");
  CHECK(!IsOutOfBand(request, client.session()));
  client.session().oob = true;
  CHECK(IsOutOfBand(request, client.session()));
  CHECK_EQ(client.Ask(FormatJson(request)), R"({"return": {"str": "x"}})");
}

TEST(OutOfBandIsNotForEveryCommand) {
  Client client;
  client.session().oob = true;
  CHECK_EQ(client.Why("{'exec-oob':'query-version'}"),
           "The command query-version does not support OOB");
  CHECK_EQ(client.Why("{'exec-oob':'echo','execute':'echo'}"),
           "QMP input member 'execute' clashes with 'exec-oob'");
}

TEST(ParseErrorIsAReply) {
  CHECK_EQ(FormatJson(ParseErrorReply(ParseJson("x").error())),
           "{\"error\": {\"class\": \"GenericError\", \"desc\": "
           "\"JSON parse error, invalid keyword 'x'\"}}");
}

TEST(MissingHandlersAreListed) {
  QmpCommands commands;
  AddControlCommands(commands, StubVersion());
  const auto missing = commands.Missing();
  CHECK_EQ(missing.size(), std::size(kCommandNames) - 4);
  AddStubs(commands);
  CHECK(commands.Missing().empty());
}

}  // namespace fusebay::qapi
