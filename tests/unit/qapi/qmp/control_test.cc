// The commands about QMP itself.
#include <algorithm>

#include "check.h"
#include "qapi/json_stream.h"
#include "qmp_stub.h"

namespace fusebay::qapi {

namespace {

class Control {
 public:
  Control() { AddAllCommands(commands_); }
  QmpSession session;

  JsonValue Ask(std::string_view request) {
    return RunNow(Dispatch(commands_, session, *ParseJson(request)));
  }

 private:
  QmpCommands commands_;
};

}  // namespace

TEST(GreetingHasVersionAndCapabilities) {
  QmpSession session;
  CHECK_EQ(FormatJson(Greeting(StubVersion(), session)),
           "{\"QMP\": {\"version\": {\"qemu\": {\"major\": 7, \"minor\": 2, \"micro\": 0}, "
           "\"package\": \"stub\"}, \"capabilities\": [\"oob\"]}}");
  session.offers_oob = false;
  CHECK(FormatJson(Greeting(StubVersion(), session)).find("oob") == std::string::npos);
}

TEST(NegotiationSwitchesOobOn) {
  Control control;
  control.Ask("{'execute':'qmp_capabilities','arguments':{'enable':['oob']}}");
  CHECK(control.session.negotiated && control.session.oob);
}

TEST(NegotiationComesOnce) {
  Control control;
  control.Ask("{'execute':'qmp_capabilities'}");
  const std::string again = FormatJson(control.Ask("{'execute':'qmp_capabilities'}"));
  CHECK(again.find("Capabilities negotiation is already complete") != std::string::npos);
  CHECK(again.find("CommandNotFound") != std::string::npos);
}

TEST(OobThatIsNotOfferedIsRefused) {
  Control control;
  control.session.offers_oob = false;
  control.Ask("{'execute':'qmp_capabilities','arguments':{'enable':['oob']}}");
  CHECK(!control.session.negotiated);
}

TEST(EveryCommandIsListed) {
  Control control;
  control.session.negotiated = true;
  const JsonValue reply = control.Ask("{'execute':'query-commands'}");
  CHECK_EQ(reply.AsDict()->Find("return")->AsList()->size(), std::size(kCommandNames));
}

TEST(SchemaNamesEveryCommand) {
  Control control;
  control.session.negotiated = true;
  const JsonValue reply = control.Ask("{'execute':'query-qmp-schema'}");
  const JsonList& schema = *reply.AsDict()->Find("return")->AsList();
  for (const std::string_view name : kCommandNames) {
    CHECK(std::any_of(schema.begin(), schema.end(), [name](const JsonValue& entry) {
      return *entry.AsDict()->Find("name")->AsString() == name;
    }));
  }
}

}  // namespace fusebay::qapi
