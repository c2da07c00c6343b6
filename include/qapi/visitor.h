// From JSON or keyval to the generated types and back, with QEMU's messages.
//
//   Result<BlockdevOptions, Error> o = FromJson<BlockdevOptions>(value);
//   Result<BlockdevOptions, Error> o = FromOption<BlockdevOptions>("driver=file,...", "driver");
//   JsonValue value = ToJson(*o);
//
// The generated types ("qapi/generated/types.h", from qapi/schema/*.json), all in fusebay::qapi:
//   struct       -> struct X { std::string a; std::optional<std::int64_t> b; }; members are named
//                   as in the schema with '_' for '-', a C++ keyword gets a '_' at its end; a
//                   base's members come first, flat
//   optional     -> std::optional<T>; T of a type that contains itself is Box<T> (qapi/box.h)
//   list         -> std::vector<T>
//   enum         -> enum class E : std::uint8_t { kNullCo, ... }; EnumName(E) is "null-co"
//   union        -> struct U { the base's members; std::variant<...> u; }; the discriminator, a
//   base
//                   member, says which branch u holds; branches of one type share an alternative, a
//                   branch without members is std::monostate
//   alternate    -> struct A { std::variant<...> value; }; null is JsonNull, an object Box<T> where
//                   it would contain itself
//   str bool any -> std::string, bool, JsonValue; int, int8..uint64, size, number -> std::int64_t,
//                   std::int8_t..std::uint64_t, std::uint64_t, double
// and for each X:  bool VisitValue(InputVisitor& visitor, std::string_view name, X& out);
//                  JsonValue ToJson(const X& value);
#pragma once
#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "qapi/box.h"
#include "qapi/json.h"
#include "qapi/keyval.h"

namespace fusebay::qapi {

struct JsonNull {};

// kJson: types must agree. kKeyval: scalars are strings and converted: on/off (yes, true, ...) to
// bool, decimal and hexadecimal integers, sizes with a suffix k, M, G, T, P, E.
enum class VisitForm : std::uint8_t { kJson, kKeyval };

// Walks a value along the schema. Every function returns false after an error; error() is the
// first one. `name` is the member's; within a list it is ignored. A value's path from the root,
// "file.filename", stands in the messages. The value must outlive the visitor.
class InputVisitor {
 public:
  InputVisitor(const JsonValue& root, VisitForm form) : root_(root), form_(form) {}

  bool StartStruct(std::string_view name);
  // Members that nobody asked for are an error. `ok` is what the visit of the members returned.
  bool EndStruct(bool ok);
  // Then `length` elements are to be visited.
  bool StartList(std::string_view name, std::size_t& length);
  bool EndList(bool ok);

  // Whether the struct has the member.
  bool Has(std::string_view name) const;
  // The kind of the member, for alternates; null if there is none, which is an error.
  std::optional<JsonKind> PeekKind(std::string_view name);

  bool Read(std::string_view name, bool& out);
  bool Read(std::string_view name, double& out);
  bool Read(std::string_view name, std::string& out);
  bool Read(std::string_view name, JsonValue& out);
  bool Read(std::string_view name, JsonNull& out);
  bool ReadSize(std::string_view name, std::uint64_t& out);
  bool ReadSigned(std::string_view name, std::string_view type, std::int64_t min, std::int64_t max,
                  std::int64_t& out);
  bool ReadUnsigned(std::string_view name, std::string_view type, std::uint64_t max,
                    std::uint64_t& out);
  // The place of the text among the names.
  bool ReadEnum(std::string_view name, std::span<const std::string_view> names, std::size_t& out);
  // "Invalid parameter type for 'x', expected: TYPE", for an alternate.
  bool FailAlternate(std::string_view name, std::string_view type);

  const Error& error() const { return *error_; }

 private:
  // A struct or list that is being visited.
  struct Level {
    std::string name;
    const JsonValue* value;
    std::vector<bool> seen;  // of a struct, by place
    std::size_t next = 0;    // of a list: the element that comes next
  };

  const JsonValue* Peek(std::string_view name) const;
  const JsonValue* Take(std::string_view name);
  const JsonValue* TakeScalar(std::string_view name);
  bool IsText(const JsonValue& value) const;
  std::string PartName(std::string_view name) const;
  std::string FullName(std::string_view name) const;
  bool Fail(std::string message);
  bool FailType(std::string_view name, std::string_view expected);
  bool FailValue(std::string_view name, std::string_view value);
  bool FailNumber(std::string_view name, bool is_text, std::string_view type);

  const JsonValue& root_;
  VisitForm form_;
  std::vector<Level> levels_;
  std::optional<Error> error_;
};

inline bool VisitValue(InputVisitor& v, std::string_view name, bool& out) {
  return v.Read(name, out);
}
inline bool VisitValue(InputVisitor& v, std::string_view name, double& out) {
  return v.Read(name, out);
}
inline bool VisitValue(InputVisitor& v, std::string_view name, std::string& out) {
  return v.Read(name, out);
}
inline bool VisitValue(InputVisitor& v, std::string_view name, JsonValue& out) {
  return v.Read(name, out);
}
inline bool VisitValue(InputVisitor& v, std::string_view name, JsonNull& out) {
  return v.Read(name, out);
}
bool VisitValue(InputVisitor& v, std::string_view name, std::int8_t& out);
bool VisitValue(InputVisitor& v, std::string_view name, std::int16_t& out);
bool VisitValue(InputVisitor& v, std::string_view name, std::int32_t& out);
bool VisitValue(InputVisitor& v, std::string_view name, std::int64_t& out);
bool VisitValue(InputVisitor& v, std::string_view name, std::uint8_t& out);
bool VisitValue(InputVisitor& v, std::string_view name, std::uint16_t& out);
bool VisitValue(InputVisitor& v, std::string_view name, std::uint32_t& out);
bool VisitValue(InputVisitor& v, std::string_view name, std::uint64_t& out);

template <class T>
bool VisitValue(InputVisitor& v, std::string_view name, Box<T>& out) {
  return VisitValue(v, name, *out);
}
template <class T>
bool VisitValue(InputVisitor& v, std::string_view name, std::optional<T>& out) {
  return !v.Has(name) || VisitValue(v, name, out.emplace());
}
template <class T>
bool VisitValue(InputVisitor& v, std::string_view name, std::vector<T>& out) {
  std::size_t length = 0;
  if (!v.StartList(name, length)) {
    return false;
  }
  bool ok = true;
  for (std::size_t i = 0; ok && i < length; ++i) {
    ok = VisitValue(v, {}, out.emplace_back());
  }
  return v.EndList(ok);
}

inline JsonValue ToJson(const JsonValue& value) { return value; }
inline JsonValue ToJson(const std::string& value) { return value; }
inline JsonValue ToJson(JsonNull) { return {}; }
inline JsonValue ToJson(Unit) { return JsonDict{}; }
inline JsonValue ToJson(double value) { return value; }
template <std::integral I>
JsonValue ToJson(I value) {
  return value;
}
template <class T>
JsonValue ToJson(const Box<T>& value) {
  return ToJson(*value);
}
template <class T>
JsonValue ToJson(const std::vector<T>& values) {
  JsonList list;
  list.reserve(values.size());
  for (const T& value : values) {
    list.push_back(ToJson(value));
  }
  return list;
}

template <class T>
Result<T, Error> FromValue(const JsonValue& value, VisitForm form) {
  InputVisitor visitor(value, form);
  T out{};
  if (!VisitValue(visitor, {}, out)) {
    return visitor.error();
  }
  return out;
}

template <class T>
Result<T, Error> FromJson(const JsonValue& value) {
  return FromValue<T>(value, VisitForm::kJson);
}

// A command line option's argument: keyval, or JSON if it begins with '{'. Help is for the caller
// to look for first (ParseOptionText).
template <class T>
Result<T, Error> FromOption(std::string_view text, std::string_view implied_key) {
  FB_ASSIGN(const OptionText option, ParseOptionText(text, implied_key));
  return FromValue<T>(option.value, option.is_json ? VisitForm::kJson : VisitForm::kKeyval);
}

}  // namespace fusebay::qapi
