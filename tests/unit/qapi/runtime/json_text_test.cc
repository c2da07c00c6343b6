// JSON as QEMU writes it.
#include "check.h"
#include "qapi/json.h"
#include "qapi/json_stream.h"

namespace fusebay::qapi {

TEST(SeparatorsAreFollowedByASpace) {
  const JsonValue value = JsonDict{{"a", JsonList{1, true, nullptr}}, {"b", JsonDict()}};
  CHECK_EQ(FormatJson(value), R"({"a": [1, true, null], "b": {}})");
}

TEST(PrettyHasALinePerElement) {
  const JsonValue value = JsonDict{{"a", JsonList{1, 2}}, {"b", JsonList()}};
  CHECK_EQ(FormatJsonPretty(value),
           "{\n    \"a\": [\n        1,\n        2\n    ],\n    \"b\": []\n}");
}

TEST(DeepLevelsAreNotIndentedMore) {
  JsonValue value = JsonList{};
  for (int i = 0; i < 1000; ++i) {
    JsonList outer;
    outer.push_back(std::move(value));
    value = std::move(outer);
  }
  const std::string text = FormatJsonPretty(value, "\r\n");
  CHECK(text.size() < 1000u * 2 * 70);
  CHECK(text.starts_with("[\r\n    [\r\n        ["));
  CHECK(*ParseJson(text) == value);
}

TEST(EverythingButAsciiIsEscaped) {
  CHECK_EQ(FormatJson("\"\\/\b\f\n\r\t\x01\x7f\u00e9\U0001F600"),
           R"("\"\\/\b\f\n\r\t\u0001\u007F\u00E9\uD83D\uDE00")");
}

TEST(NoUtf8IsAReplacementCharacter) {
  CHECK_EQ(FormatJson("a\xff\xfe"), R"("a\uFFFD\uFFFD")");
  CHECK_EQ(FormatJson("\xe2\x82z"), R"("\uFFFDz")");
}

TEST(NumbersAreExact) {
  CHECK_EQ(FormatJson(JsonList{0.1, -0.0, 1e100, 100.0, std::uint64_t{1} << 63, -5}),
           "[0.10000000000000001, -0, 1e+100, 100, 9223372036854775808, -5]");
}

TEST(WhatIsWrittenIsRead) {
  const JsonValue value = JsonDict{{"k\n", JsonList{"\u20ac", 1.25, -1, JsonDict{{"", nullptr}}}}};
  CHECK(*ParseJson(FormatJson(value)) == value);
  CHECK(*ParseJson(FormatJsonPretty(value)) == value);
}

}  // namespace fusebay::qapi
