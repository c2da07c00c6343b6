// Putting tokens together: nesting, what fits not, one error per value.
#include "runtime/json_builder.h"

#include "check.h"

namespace fusebay::qapi {

namespace {

using T = JsonToken;

// Gives tokens until the value is done; those that are left over are a failure.
Result<JsonValue, Error> Build(const std::vector<std::pair<T, std::string>>& tokens) {
  JsonBuilder builder;
  std::size_t used = 0;
  for (const auto& [token, text] : tokens) {
    builder.Add(token, text);
    ++used;
    if (builder.done()) {
      break;
    }
  }
  CHECK_EQ(used, tokens.size());
  return builder.Take();
}

}  // namespace

TEST(ScalarIsDoneAtOnce) { CHECK_EQ(*Build({{T::kInteger, "7"}})->AsInt64(), 7); }

TEST(ListsNest) {
  const auto value =
      Build({{T::kOpenList, "["}, {T::kOpenList, "["}, {T::kCloseList, "]"}, {T::kCloseList, "]"}});
  CHECK_EQ(value->AsList()->at(0).AsList()->size(), 0U);
}

TEST(MembersHaveKeys) {
  const auto value = Build({{T::kOpenDict, "{"},
                            {T::kString, "'a'"},
                            {T::kColon, ":"},
                            {T::kInteger, "1"},
                            {T::kCloseDict, "}"}});
  CHECK_EQ(*value->AsDict()->Find("a")->AsInt64(), 1);
}

TEST(CommaNeedsAValueAfterIt) {
  CHECK_MESSAGE(
      Build({{T::kOpenList, "["}, {T::kInteger, "1"}, {T::kComma, ","}, {T::kCloseList, "]"}}),
      "expecting value");
}

TEST(ErrorWaitsForTheClosingBracket) {
  CHECK_MESSAGE(Build({{T::kOpenDict, "{"},
                       {T::kInteger, "1"},
                       {T::kColon, ":"},
                       {T::kOpenList, "["},
                       {T::kCloseList, "]"},
                       {T::kCloseDict, "}"}}),
                "key is not a string in object");
}

TEST(WrongBracketEndsTheValue) {
  CHECK_MESSAGE(Build({{T::kOpenList, "["}, {T::kCloseDict, "}"}}), "expecting value");
}

TEST(TakeBeforeTheEndIsAnError) {
  JsonBuilder builder;
  builder.Add(T::kOpenList, "[");
  CHECK_EQ(builder.depth(), 1U);
  CHECK_MESSAGE(builder.Take(), "premature EOI");
  CHECK(builder.empty());
}

}  // namespace fusebay::qapi
