// JsonValue and JsonDict: kinds, integers, members in order.
#include "qapi/json.h"

#include <limits>

#include "check.h"

namespace fusebay::qapi {

namespace {

constexpr std::int64_t kInt64Max = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kUint64Max = std::numeric_limits<std::uint64_t>::max();

JsonDict Numbered(int count) {
  JsonDict dict;
  for (int i = 0; i < count; ++i) {
    dict.Add("k" + std::to_string(i), i);
  }
  return dict;
}

}  // namespace

TEST(KindsHaveQemusNames) {
  CHECK_EQ(KindName(JsonValue().kind()), "null");
  CHECK_EQ(KindName(JsonValue(true).kind()), "boolean");
  CHECK_EQ(KindName(JsonValue(7U).kind()), "integer");
  CHECK_EQ(KindName(JsonValue(kUint64Max).kind()), "integer");
  CHECK_EQ(KindName(JsonValue(1.5).kind()), "number");
  CHECK_EQ(KindName(JsonValue("x").kind()), "string");
  CHECK_EQ(KindName(JsonValue(JsonList()).kind()), "array");
  CHECK_EQ(KindName(JsonValue(JsonDict()).kind()), "object");
}

TEST(IntegersKnowTheirRange) {
  CHECK_EQ(*JsonValue(std::uint64_t{kInt64Max}).AsInt64(), kInt64Max);
  CHECK(!JsonValue(std::uint64_t{kInt64Max} + 1).AsInt64());
  CHECK_EQ(*JsonValue(kUint64Max).AsUint64(), kUint64Max);
  CHECK(!JsonValue(-1).AsUint64());
  CHECK(!JsonValue(1.0).AsInt64());
}

TEST(EveryNumberIsADouble) {
  CHECK_EQ(*JsonValue(-2).AsDouble(), -2.0);
  CHECK_EQ(*JsonValue(std::uint64_t{1} << 63).AsDouble(), 9223372036854775808.0);
  CHECK(!JsonValue("1").AsDouble());
}

TEST(MembersKeepTheirOrder) {
  const JsonDict dict{{"b", 1}, {"a", 2}};
  CHECK_EQ(dict.begin()->key, "b");
  CHECK_EQ(*dict.IndexOf("a"), 1U);
}

TEST(AddRefusesASecondOfAKey) {
  JsonDict dict{{"a", 1}};
  CHECK(!dict.Add("a", 2));
  CHECK_EQ(*dict.Find("a")->AsInt64(), 1);
}

TEST(SetReplaces) {
  JsonDict dict{{"a", 1}};
  dict.Set("a", 2);
  CHECK_EQ(dict.size(), 1U);
  CHECK_EQ(*dict.Find("a")->AsInt64(), 2);
}

TEST(LargeDictionariesFindEveryMember) {
  JsonDict dict = Numbered(1000);
  for (int i = 0; i < 1000; ++i) {
    CHECK_EQ(*dict.Find("k" + std::to_string(i))->AsInt64(), i);
  }
  CHECK(!dict.Add("k999", 0));
  CHECK(dict.Find("k1000") == nullptr);
}

TEST(EqualityIgnoresTheOrderOfMembers) {
  CHECK(JsonValue(JsonDict{{"a", 1}, {"b", 2}}) == JsonValue(JsonDict{{"b", 2}, {"a", 1}}));
  CHECK(!(JsonValue(JsonDict{{"a", 1}}) == JsonValue(JsonDict{{"a", 2}})));
  CHECK(!(JsonValue(JsonDict{{"a", 1}}) == JsonValue(JsonDict{{"b", 1}})));
  CHECK(!(JsonValue(1) == JsonValue("1")));
}

}  // namespace fusebay::qapi
