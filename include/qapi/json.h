// JsonValue: a JSON value in memory, and the text that QEMU would write for it.
//
//   JsonDict dict;
//   dict.Set("execute", "query-version");
//   FormatJson(JsonValue(std::move(dict)));     // {"execute": "query-version"}
//
// Values copy (deeply). Strings are UTF-8 as QMP has it: U+0000 is the two bytes C0 80, so that a
// text never has an embedded NUL; a byte that is no UTF-8 is written as U+FFFD.
//
// Reading is in qapi/json_stream.h.
#pragma once
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace fusebay::qapi {

class JsonValue;
struct JsonMember;
using JsonList = std::vector<JsonValue>;

// Members in the order in which they were added; a key occurs once. Looking one up is cheap in a
// large dictionary, too.
class JsonDict {
 public:
  JsonDict();
  JsonDict(std::initializer_list<JsonMember> members);
  JsonDict(const JsonDict& other);
  JsonDict(JsonDict&& other) noexcept;
  JsonDict& operator=(const JsonDict& other);
  JsonDict& operator=(JsonDict&& other) noexcept;
  ~JsonDict();

  // Adds a member; false, and nothing changes: there is one of that key.
  bool Add(std::string_view key, JsonValue value);
  // Adds or replaces a member.
  JsonValue& Set(std::string_view key, JsonValue value);
  // nullptr: there is none. Valid until the dictionary changes.
  const JsonValue* Find(std::string_view key) const;
  JsonValue* Find(std::string_view key);
  // The member's place in iteration, if there is one.
  std::optional<std::size_t> IndexOf(std::string_view key) const;

  std::size_t size() const;
  bool empty() const;
  const JsonMember* begin() const;
  const JsonMember* end() const;
  // The order of members does not matter.
  bool operator==(const JsonDict& other) const;

 private:
  std::vector<JsonMember> members_;
  // key -> place, kept only when there are many.
  std::map<std::string, std::size_t, std::less<>> index_;
};

enum class JsonKind : std::uint8_t { kNull, kBool, kInteger, kDouble, kString, kList, kDict };

// QEMU's word for the kind: "null", "boolean", "integer", "number", "string", "array", "object".
std::string_view KindName(JsonKind kind);

class JsonValue {
 public:
  JsonValue() = default;  // null
  JsonValue(std::nullptr_t) {}
  template <std::same_as<bool> B>
  JsonValue(B value) : v_(value) {}
  template <std::integral I>
    requires(!std::same_as<I, bool>)
  JsonValue(I value) {
    if constexpr (std::unsigned_integral<I>) {
      if (value > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
        v_ = std::uint64_t{value};
        return;
      }
    }
    v_ = static_cast<std::int64_t>(value);
  }
  JsonValue(double value) : v_(value) {}
  JsonValue(std::string value) : v_(std::move(value)) {}
  JsonValue(std::string_view value) : v_(std::string(value)) {}
  JsonValue(const char* value) : v_(std::string(value)) {}
  JsonValue(JsonList value) : v_(std::move(value)) {}
  JsonValue(JsonDict value) : v_(std::move(value)) {}

  JsonKind kind() const;
  bool is_null() const { return v_.index() == 0; }
  // nullptr: the value is of another kind.
  const bool* AsBool() const { return std::get_if<bool>(&v_); }
  const std::string* AsString() const { return std::get_if<std::string>(&v_); }
  const JsonList* AsList() const { return std::get_if<JsonList>(&v_); }
  JsonList* AsList() { return std::get_if<JsonList>(&v_); }
  const JsonDict* AsDict() const { return std::get_if<JsonDict>(&v_); }
  JsonDict* AsDict() { return std::get_if<JsonDict>(&v_); }
  // Nothing: no integer, or one out of the range. A double is never an integer.
  std::optional<std::int64_t> AsInt64() const;
  std::optional<std::uint64_t> AsUint64() const;
  // Nothing: no number. An integer is a number, too.
  std::optional<double> AsDouble() const;

  bool operator==(const JsonValue& other) const;

 private:
  // An integer is an int64_t wherever it fits.
  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, JsonList,
               JsonDict>
      v_;
};

struct JsonMember {
  std::string key;
  JsonValue value;
};

// One line without its end: `{"a": [1, true, null], "b": "\u00E4"}`. Everything outside ASCII is
// escaped, so the text is ASCII.
std::string FormatJson(const JsonValue& value);
// Over several lines, four columns per level, up to some depth.
std::string FormatJsonPretty(const JsonValue& value, std::string_view line_end = "\n");

}  // namespace fusebay::qapi
