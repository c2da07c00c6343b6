// What the tests of commands share: a table of commands and a client that speaks JSON to it, and
// the events that it sees.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "block_fixture.h"
#include "qapi/json.h"
#include "qapi/json_stream.h"
#include "qapi/qmp.h"

namespace fusebay::test {

// "NAME {DATA}" of each event.
class EventLog final : public qapi::QmpEventSink {
 public:
  void Emit(const qapi::JsonValue& event) override {
    const qapi::JsonDict& dict = *event.AsDict();
    lines.push_back(*dict.Find("event")->AsString() + " " + qapi::FormatJson(*dict.Find("data")));
  }
  std::vector<std::string> lines;
};

class QmpClient {
 public:
  explicit QmpClient(AioContext& loop) : loop_(loop) { session_.negotiated = true; }

  qapi::QmpCommands commands;

  // `text` may have single quotes. Returns what stands in "return", or the error's text.
  std::string Do(std::string_view name, std::string_view arguments = "{}") {
    qapi::JsonDict request;
    request.Set("execute", name);
    Result<qapi::JsonValue, Error> parsed = qapi::ParseJson(arguments);
    CHECK_OK(parsed);
    request.Set("arguments", std::move(*parsed));
    const qapi::JsonValue reply =
        loop_.RunUntilDone(qapi::Dispatch(commands, session_, qapi::JsonValue(std::move(request))));
    if (const qapi::JsonValue* const value = reply.AsDict()->Find("return")) {
      last_ = *value;
      return qapi::FormatJson(*value);
    }
    const qapi::JsonDict& error = *reply.AsDict()->Find("error")->AsDict();
    CHECK_EQ(*error.Find("class")->AsString(), std::string("GenericError"));
    return *error.Find("desc")->AsString();
  }
  // A member of what was returned last, by a path like "0.image.format"; null: there is none.
  const qapi::JsonValue* At(std::string_view path) const {
    const qapi::JsonValue* value = &last_;
    while (value != nullptr && !path.empty()) {
      const std::string key(path.substr(0, path.find('.')));
      path.remove_prefix(std::min(path.size(), key.size() + 1));
      if (const qapi::JsonList* const list = value->AsList()) {
        const std::size_t place = std::stoul(key);
        value = place < list->size() ? &(*list)[place] : nullptr;
      } else {
        value = value->AsDict()->Find(key);
      }
    }
    return value;
  }
  std::string TextAt(std::string_view path) const {
    const qapi::JsonValue* const value = At(path);
    return value == nullptr ? "(none)" : qapi::FormatJson(*value);
  }

 private:
  AioContext& loop_;
  qapi::QmpSession session_;
  qapi::JsonValue last_;
};

}  // namespace fusebay::test
