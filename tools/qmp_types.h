// QmpTypes: what a server says about its commands, to make typed values of words.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "qapi/json.h"

namespace fusebay {

// A string that begins with this byte stands for something else and is left alone.
inline constexpr char kQmpMarker = '\x01';

class QmpTypes {
 public:
  // A server that says nothing: numbers, true, false and null are such, all else are strings.
  QmpTypes() = default;
  // `schema` is what query-qmp-schema returns.
  explicit QmpTypes(const qapi::JsonValue& schema);

  // The arguments of a command, whose leaves are strings, as it wants them. A string that does not
  // fit its type stays one, so that the server can say what is wrong.
  qapi::JsonValue Convert(std::string_view command, qapi::JsonValue arguments) const;

 private:
  const qapi::JsonDict* Find(std::string_view name) const;
  void ConvertTo(std::string_view type, qapi::JsonValue& value) const;
  void ConvertMembers(const qapi::JsonDict& type, qapi::JsonDict& value) const;
  void ConvertAlternate(const qapi::JsonDict& type, qapi::JsonValue& value) const;

  std::map<std::string, qapi::JsonDict, std::less<>> entities_;
};

}  // namespace fusebay
