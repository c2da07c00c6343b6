// Walks along the introspection of QMP.
#include "qmp_types.h"

#include "qapi/json_stream.h"
#include "values.h"

namespace fusebay {

using qapi::JsonDict;
using qapi::JsonKind;
using qapi::JsonList;
using qapi::JsonMember;
using qapi::JsonValue;

namespace {

std::string_view TextOf(const JsonDict& dict, std::string_view key) {
  const JsonValue* const value = dict.Find(key);
  const std::string* const text = value != nullptr ? value->AsString() : nullptr;
  return text != nullptr ? std::string_view(*text) : std::string_view();
}

// The dictionaries in a list that is a member.
std::vector<const JsonDict*> ListOf(const JsonDict& dict, std::string_view key) {
  std::vector<const JsonDict*> items;
  const JsonValue* const value = dict.Find(key);
  const JsonList* const list = value != nullptr ? value->AsList() : nullptr;
  if (list != nullptr) {
    for (const JsonValue& item : *list) {
      if (item.AsDict() != nullptr) {
        items.push_back(item.AsDict());
      }
    }
  }
  return items;
}

// The text as JSON, if it is that; a JSON string stays the text.
JsonValue Guess(const std::string& text) {
  const Result<JsonValue, Error> value = qapi::ParseJson(text);
  return value.ok() && value->kind() != JsonKind::kString ? *value : JsonValue(text);
}

JsonValue ToBool(const std::string& text) {
  if (text == "on" || text == "yes" || text == "true" || text == "y") {
    return true;
  }
  if (text == "off" || text == "no" || text == "false" || text == "n") {
    return false;
  }
  return text;
}

// Decimal, hexadecimal, or a size with its suffix.
JsonValue ToInteger(const std::string& text) {
  const JsonValue plain = Guess(text);
  if (plain.kind() == JsonKind::kInteger) {
    return plain;
  }
  const Result<std::uint64_t> size = ParseImageSize(text);
  return size.ok() ? JsonValue(*size) : JsonValue(text);
}

JsonValue ToBuiltin(std::string_view json_type, const std::string& text) {
  if (json_type == "boolean") {
    return ToBool(text);
  }
  if (json_type == "int") {
    return ToInteger(text);
  }
  if (json_type == "number" || json_type == "value") {
    return Guess(text);
  }
  return text;
}

void GuessAll(JsonValue& value) {
  if (const std::string* const text = value.AsString()) {
    if (!text->starts_with(kQmpMarker)) {
      value = Guess(*text);
    }
  } else if (JsonList* const list = value.AsList()) {
    for (JsonValue& item : *list) {
      GuessAll(item);
    }
  } else if (const JsonDict* const dict = value.AsDict()) {
    JsonDict guessed;
    for (const JsonMember& member : *dict) {
      GuessAll(guessed.Set(member.key, member.value));
    }
    value = std::move(guessed);
  }
}

}  // namespace

QmpTypes::QmpTypes(const JsonValue& schema) {
  const JsonList* const list = schema.AsList();
  if (list == nullptr) {
    return;
  }
  for (const JsonValue& item : *list) {
    const JsonDict* const entity = item.AsDict();
    if (entity != nullptr) {
      entities_.emplace(TextOf(*entity, "name"), *entity);
    }
  }
}

JsonValue QmpTypes::Convert(std::string_view command, JsonValue arguments) const {
  const JsonDict* const entity = Find(command);
  if (entity == nullptr || TextOf(*entity, "meta-type") != "command") {
    GuessAll(arguments);
  } else {
    ConvertTo(TextOf(*entity, "arg-type"), arguments);
  }
  return arguments;
}

const JsonDict* QmpTypes::Find(std::string_view name) const {
  const auto at = entities_.find(name);
  return at != entities_.end() ? &at->second : nullptr;
}

void QmpTypes::ConvertTo(std::string_view type, JsonValue& value) const {
  const JsonDict* const entity = Find(type);
  const std::string* const text = value.AsString();
  if (entity == nullptr || (text != nullptr && text->starts_with(kQmpMarker))) {
    return;
  }
  const std::string_view kind = TextOf(*entity, "meta-type");
  if (kind == "alternate") {
    ConvertAlternate(*entity, value);
  } else if (kind == "builtin" && text != nullptr) {
    value = ToBuiltin(TextOf(*entity, "json-type"), *text);
  } else if (kind == "array" && value.AsList() != nullptr) {
    for (JsonValue& item : *value.AsList()) {
      ConvertTo(TextOf(*entity, "element-type"), item);
    }
  } else if (kind == "object" && value.AsDict() != nullptr) {
    ConvertMembers(*entity, *value.AsDict());
  }
}

// Those of the type, and those of the variant that its tag selects.
void QmpTypes::ConvertMembers(const JsonDict& type, JsonDict& value) const {
  for (const JsonDict* const member : ListOf(type, "members")) {
    JsonValue* const found = value.Find(TextOf(*member, "name"));
    if (found != nullptr) {
      ConvertTo(TextOf(*member, "type"), *found);
    }
  }
  const std::string_view tag = TextOf(type, "tag");
  if (tag.empty()) {
    return;
  }
  const std::string selected(TextOf(value, tag));
  for (const JsonDict* const variant : ListOf(type, "variants")) {
    const JsonDict* const branch = Find(TextOf(*variant, "type"));
    if (TextOf(*variant, "case") == selected && branch != nullptr) {
      ConvertMembers(*branch, value);
    }
  }
}

// An object or array is what it is; a text is a string where that is possible.
void QmpTypes::ConvertAlternate(const JsonDict& type, JsonValue& value) const {
  const bool is_text = value.AsString() != nullptr;
  std::string_view chosen;
  for (const JsonDict* const member : ListOf(type, "members")) {
    const std::string_view name = TextOf(*member, "type");
    const JsonDict* const entity = Find(name);
    if (entity == nullptr) {
      continue;
    }
    const std::string_view kind = TextOf(*entity, "meta-type");
    const bool takes_text =
        kind == "enum" || (kind == "builtin" && TextOf(*entity, "json-type") == "string");
    if (is_text && takes_text) {
      return;
    }
    const bool fits = is_text ? kind == "builtin" && TextOf(*entity, "json-type") != "null"
                              : kind == (value.AsDict() != nullptr ? "object" : "array");
    if (fits && chosen.empty()) {
      chosen = name;
    }
  }
  ConvertTo(chosen, value);
}

}  // namespace fusebay
