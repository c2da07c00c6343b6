// Puts JSON tokens together to values.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "qapi/json.h"
#include "runtime/json_lexer.h"

namespace fusebay::qapi {

// One value at a time. After an error the rest of the value, up to the bracket that closes it, is
// taken without a look, so that one mistake gives one message.
class JsonBuilder {
 public:
  // REQUIRES: !done(). A token of the value.
  void Add(JsonToken token, std::string_view text);
  // The value is complete, or brackets do not match and never will.
  bool done() const;
  bool empty() const { return !started_; }
  std::size_t depth() const;
  // What was built; the builder is as new.
  Result<JsonValue, Error> Take();

 private:
  enum class Expect : std::uint8_t { kFirst, kNext, kColon, kValue, kSeparator };
  struct Level {
    JsonValue value;  // a list or a dictionary
    Expect expect = Expect::kFirst;
    std::string key;
  };

  void Count(JsonToken token);
  void Handle(JsonToken token, std::string_view text);
  void HandleSeparator(JsonToken token);
  void HandleValue(JsonToken token, std::string_view text);
  void Close();
  void Deliver(JsonValue value);
  void DeliverToDict(Level& level, JsonValue value);
  void Fail(Error error);

  bool started_ = false;
  // Brackets that are open; below zero: one too many was closed.
  std::int64_t dicts_ = 0;
  std::int64_t lists_ = 0;
  std::vector<Level> levels_;
  std::optional<JsonValue> value_;
  std::optional<Error> error_;
};

}  // namespace fusebay::qapi
