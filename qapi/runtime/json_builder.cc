// Puts JSON tokens together to values, with QEMU's messages where they do not fit.
#include "runtime/json_builder.h"

#include <utility>

#include "base/assert.h"
#include "runtime/json_scalar.h"

namespace fusebay::qapi {

void JsonBuilder::Add(JsonToken token, std::string_view text) {
  FB_ASSERT(!done());
  started_ = true;
  Count(token);
  if (!error_) {
    Handle(token, text);
  }
  FB_ASSERT(!done() || value_ || error_);
}

bool JsonBuilder::done() const {
  return started_ && ((dicts_ <= 0 && lists_ <= 0) || dicts_ < 0 || lists_ < 0);
}

std::size_t JsonBuilder::depth() const { return static_cast<std::size_t>(dicts_ + lists_); }

Result<JsonValue, Error> JsonBuilder::Take() {
  Result<JsonValue, Error> result = JsonParseError("premature EOI");
  if (error_) {
    result = std::move(*error_);
  } else if (value_) {
    result = std::move(*value_);
  }
  *this = JsonBuilder();
  return result;
}

void JsonBuilder::Count(JsonToken token) {
  dicts_ += token == JsonToken::kOpenDict ? 1 : 0;
  dicts_ -= token == JsonToken::kCloseDict ? 1 : 0;
  lists_ += token == JsonToken::kOpenList ? 1 : 0;
  lists_ -= token == JsonToken::kCloseList ? 1 : 0;
}

void JsonBuilder::Handle(JsonToken token, std::string_view text) {
  if (levels_.empty()) {
    HandleValue(token, text);
    return;
  }
  Level& level = levels_.back();
  const bool is_dict = level.value.AsDict() != nullptr;
  const bool closes = token == (is_dict ? JsonToken::kCloseDict : JsonToken::kCloseList);
  switch (level.expect) {
    case Expect::kSeparator:
      HandleSeparator(token);
      return;
    case Expect::kColon:
      if (token != JsonToken::kColon) {
        Fail(JsonParseError("missing : in object pair"));
        return;
      }
      level.expect = Expect::kValue;
      return;
    case Expect::kFirst:
      if (closes) {
        Close();
        return;
      }
      [[fallthrough]];
    default:
      HandleValue(token, text);
  }
}

void JsonBuilder::HandleSeparator(JsonToken token) {
  Level& level = levels_.back();
  const bool is_dict = level.value.AsDict() != nullptr;
  if (token == (is_dict ? JsonToken::kCloseDict : JsonToken::kCloseList)) {
    Close();
  } else if (token == JsonToken::kComma) {
    level.expect = Expect::kNext;
  } else {
    Fail(JsonParseError(is_dict ? "expected separator in dict" : "expected separator in list"));
  }
}

void JsonBuilder::HandleValue(JsonToken token, std::string_view text) {
  const auto deliver = [this](Result<JsonValue, Error> value) {
    if (value.ok()) {
      Deliver(std::move(*value));
    } else {
      Fail(value.error());
    }
  };
  switch (token) {
    case JsonToken::kOpenDict:
      levels_.push_back({JsonDict(), Expect::kFirst, {}});
      return;
    case JsonToken::kOpenList:
      levels_.push_back({JsonList(), Expect::kFirst, {}});
      return;
    case JsonToken::kInteger:
      deliver(IntegerValue(text));
      return;
    case JsonToken::kFloat:
      deliver(FloatValue(text));
      return;
    case JsonToken::kKeyword:
      deliver(KeywordValue(text));
      return;
    case JsonToken::kString: {
      Result<std::string, Error> string = StringValue(text);
      if (string.ok()) {
        Deliver(std::move(*string));
      } else {
        Fail(string.error());
      }
      return;
    }
    default:
      Fail(JsonParseError("expecting value"));
  }
}

void JsonBuilder::Close() {
  JsonValue value = std::move(levels_.back().value);
  levels_.pop_back();
  Deliver(std::move(value));
}

void JsonBuilder::Deliver(JsonValue value) {
  if (levels_.empty()) {
    value_ = std::move(value);
    return;
  }
  Level& level = levels_.back();
  JsonList* const list = level.value.AsList();
  if (list == nullptr) {
    DeliverToDict(level, std::move(value));
    return;
  }
  list->push_back(std::move(value));
  level.expect = Expect::kSeparator;
}

void JsonBuilder::DeliverToDict(Level& level, JsonValue value) {
  if (level.expect != Expect::kValue) {
    const std::string* const key = value.AsString();
    if (key == nullptr) {
      Fail(JsonParseError("key is not a string in object"));
      return;
    }
    level.key = *key;
    level.expect = Expect::kColon;
    return;
  }
  level.expect = Expect::kSeparator;
  if (!level.value.AsDict()->Add(level.key, std::move(value))) {
    Fail(JsonParseError("duplicate key"));
  }
}

void JsonBuilder::Fail(Error error) {
  error_ = std::move(error);
  levels_.clear();
}

}  // namespace fusebay::qapi
