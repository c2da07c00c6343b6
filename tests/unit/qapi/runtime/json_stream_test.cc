// A stream of values: any pieces, resets, bounds.
#include "qapi/json_stream.h"

#include "check.h"

namespace fusebay::qapi {

namespace {

// The values and messages of the items, in order, separated by '|'.
std::string Show(const std::vector<Result<JsonValue, Error>>& items) {
  std::string out;
  for (const auto& item : items) {
    out += out.empty() ? "" : "|";
    out += item.ok() ? FormatJson(*item) : item.error().message;
  }
  return out;
}

std::string Feed(std::string_view bytes, JsonLimits limits = {}) {
  JsonStream stream(limits);
  return Show(stream.Feed(bytes));
}

}  // namespace

TEST(SeveralValuesOnALine) { CHECK_EQ(Feed("{}[1]'a'null "), "{}|[1]|\"a\"|null"); }

TEST(NumberEndsWithTheByteAfterIt) {
  JsonStream stream;
  CHECK_EQ(Show(stream.Feed("12")), "");
  CHECK_EQ(Show(stream.Feed("3")), "");
  CHECK_EQ(Show(stream.Feed("\n")), "123");
}

TEST(EverySplitGivesTheSame) {
  const std::string text = R"({"a": [1.5, "x\u00e4\n", 'y'], "b": {"c": nul}} @ {"d": -7} )";
  const std::string whole = Feed(text);
  for (std::size_t at = 0; at <= text.size(); ++at) {
    JsonStream stream;
    auto items = stream.Feed(std::string_view(text).substr(0, at));
    for (auto& item : stream.Feed(std::string_view(text).substr(at))) {
      items.push_back(std::move(item));
    }
    CHECK_EQ(Show(items), whole);
  }
}

TEST(ResetByteStartsAfresh) {
  CHECK_EQ(Feed("{'a':\xff{'b':1}"), "JSON parse error, stray '\xff'|{\"b\": 1}");
}

TEST(DepthIsBounded) {
  const JsonLimits limits{.depth = 2};
  CHECK_EQ(Feed("[[1]]", limits), "[[1]]");
  CHECK_EQ(Feed("[[[", limits), "JSON nesting depth limit exceeded");
}

TEST(TokensAreBounded) {
  const JsonLimits limits{.tokens = 5};
  CHECK_EQ(Feed("[1,2]", limits), "[1, 2]");
  CHECK_EQ(Feed("[1,2,3 ", limits), "JSON token count limit exceeded");
}

TEST(BytesAreBounded) {
  const JsonLimits limits{.bytes = 10};
  CHECK_EQ(Feed("['123456']\n{}", limits), "[\"123456\"]|{}");
  CHECK_EQ(Feed("['1234567']\n{}", limits), "JSON token size limit exceeded|{}");
  CHECK_EQ(Feed("'12345678901'\n{}", limits), "JSON token size limit exceeded|{}");
}

TEST(BoundsAreOfOneValue) { CHECK_EQ(Feed("[1,2][3,4]", {.tokens = 5}), "[1, 2]|[3, 4]"); }

TEST(FinishEndsWhatIsOpen) {
  JsonStream stream;
  CHECK_EQ(Show(stream.Feed("[7")), "");
  CHECK_EQ(Show(stream.Finish()), "JSON parse error, premature EOI");
  CHECK_EQ(Show(stream.Feed("{}")), "{}");
}

TEST(OneTextIsOneValue) {
  CHECK_EQ(FormatJson(*ParseJson(" 7 ")), "7");
  CHECK_MESSAGE(ParseJson(" "), "Expecting a JSON value");
  CHECK_MESSAGE(ParseJson("{} {}"), "Expecting at most one JSON value");
  CHECK_MESSAGE(ParseJson("{} {"), "Expecting at most one JSON value");
  CHECK_MESSAGE(ParseJson("{'a':"), "premature EOI");
  CHECK_MESSAGE(ParseJson("{1}"), "key is not a string in object");
}

TEST(DuplicateKeysAreRefusedHoweverMany) {
  std::string text = "{";
  for (int i = 0; i < 5000; ++i) {
    text += "'k" + std::to_string(i) + "':0,";
  }
  CHECK_OK(ParseJson(text + "'x':1}"));
  CHECK_MESSAGE(ParseJson(text + "'k0':1}"), "JSON parse error, duplicate key");
}

}  // namespace fusebay::qapi
