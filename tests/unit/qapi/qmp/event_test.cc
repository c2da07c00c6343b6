// Events: what stands in them.
#include <vector>

#include "check.h"
#include "qapi/generated/events.h"

namespace fusebay::qapi {

namespace {

struct Collector final : QmpEventSink {
  std::vector<JsonValue> events;
  void Emit(const JsonValue& event) override { events.push_back(event); }
};

}  // namespace

TEST(EventHasNameAndData) {
  Collector collector;
  EmitEvent(collector, JobStatusChangeEvent{.id = "j", .status = JobStatus::kRunning});
  const JsonDict& event = *collector.events.at(0).AsDict();
  CHECK_EQ(*event.Find("event")->AsString(), "JOB_STATUS_CHANGE");
  CHECK_EQ(FormatJson(*event.Find("data")), R"({"id": "j", "status": "running"})");
}

TEST(AbsentMembersAreNotInTheData) {
  const BlockImageCorruptedEvent event{.device = "", .msg = "bad", .fatal = true};
  CHECK_EQ(FormatJson(EventData(event)), R"({"device": "", "msg": "bad", "fatal": true})");
}

TEST(EventHasATime) {
  const JsonValue event = MakeEvent("X", {});
  const JsonDict& time = *event.AsDict()->Find("timestamp")->AsDict();
  CHECK(*time.Find("seconds")->AsInt64() > 1700000000);
  CHECK(*time.Find("microseconds")->AsUint64() < 1000000);
  CHECK(event.AsDict()->Find("data") == nullptr);
}

}  // namespace fusebay::qapi
