// Tests of giving words the types that a server wants.
#include "qmp_types.h"

#include "check.h"
#include "qapi/json_stream.h"

using namespace fusebay;

namespace {

constexpr std::string_view kSchema = R"([
  {"name": "c", "meta-type": "command", "arg-type": "0", "ret-type": "0"},
  {"name": "0", "meta-type": "object", "tag": "kind", "members": [
    {"name": "kind", "type": "enum"}, {"name": "flag", "type": "bool"},
    {"name": "size", "type": "int"}, {"name": "name", "type": "str"},
    {"name": "list", "type": "[int]"}, {"name": "ref", "type": "ref"},
    {"name": "maybe", "type": "maybe"}],
   "variants": [{"case": "one", "type": "1"}, {"case": "two", "type": "2"}]},
  {"name": "1", "meta-type": "object", "members": [{"name": "x", "type": "int"}]},
  {"name": "2", "meta-type": "object", "members": [{"name": "x", "type": "str"}]},
  {"name": "enum", "meta-type": "enum", "values": ["one", "two"]},
  {"name": "[int]", "meta-type": "array", "element-type": "int"},
  {"name": "ref", "meta-type": "alternate", "members": [{"type": "1"}, {"type": "str"}]},
  {"name": "maybe", "meta-type": "alternate", "members": [{"type": "null"}, {"type": "int"}]},
  {"name": "int", "meta-type": "builtin", "json-type": "int"},
  {"name": "str", "meta-type": "builtin", "json-type": "string"},
  {"name": "bool", "meta-type": "builtin", "json-type": "boolean"},
  {"name": "null", "meta-type": "builtin", "json-type": "null"}])";

std::string Converted(std::string_view arguments) {
  const auto schema = qapi::ParseJson(kSchema);
  const auto value = qapi::ParseJson(arguments);
  CHECK_OK(schema);
  CHECK_OK(value);
  return qapi::FormatJson(QmpTypes(*schema).Convert("c", *value));
}

}  // namespace

TEST(ScalarsHaveTheMembersType) {
  CHECK_EQ(Converted("{'flag':'on','size':'123','name':'123'}"),
           "{\"flag\": true, \"size\": 123, \"name\": \"123\"}");
  CHECK_EQ(Converted("{'flag':'no','size':'2k'}"), "{\"flag\": false, \"size\": 2048}");
}

TEST(WhatDoesNotFitStays) {
  CHECK_EQ(Converted("{'flag':'maybe','size':'big','other':'7'}"),
           "{\"flag\": \"maybe\", \"size\": \"big\", \"other\": \"7\"}");
}

TEST(ElementsAreConverted) { CHECK_EQ(Converted("{'list':['1','2']}"), "{\"list\": [1, 2]}"); }

TEST(TheTagChoosesTheVariant) {
  CHECK_EQ(Converted("{'kind':'one','x':'5'}"), "{\"kind\": \"one\", \"x\": 5}");
  CHECK_EQ(Converted("{'kind':'two','x':'5'}"), "{\"kind\": \"two\", \"x\": \"5\"}");
}

TEST(AlternatesFollowTheValue) {
  CHECK_EQ(Converted("{'ref':'7'}"), "{\"ref\": \"7\"}");
  CHECK_EQ(Converted("{'ref':{'x':'7'}}"), "{\"ref\": {\"x\": 7}}");
  CHECK_EQ(Converted("{'maybe':'7'}"), "{\"maybe\": 7}");
}

TEST(MarkersAreLeftAlone) {
  const auto schema = qapi::ParseJson(kSchema);
  CHECK_OK(schema);
  const std::string marker = std::string(1, kQmpMarker) + "0";
  const auto value = QmpTypes(*schema).Convert("c", qapi::JsonDict{{"size", marker}});
  CHECK_EQ(*value.AsDict()->Find("size")->AsString(), marker);
}

TEST(AnOddSchemaConvertsNothing) {
  const qapi::JsonValue text = qapi::JsonDict{{"a", "x"}};
  CHECK_EQ(qapi::FormatJson(QmpTypes(qapi::JsonValue(7)).Convert("c", text)), "{\"a\": \"x\"}");
}
