// Tests of making requests from words.
#include "qmp_request.h"

#include "check.h"
#include "qapi/json_stream.h"

using namespace fusebay;

namespace {

std::string Words(std::string_view line) {
  const auto words = SplitWords(line);
  CHECK_OK(words);
  std::string text;
  for (const std::string& word : *words) {
    text += "[" + word + "]";
  }
  return text;
}

std::string Request(const std::vector<std::string>& words) {
  const auto request = MakeRequest(words, QmpTypes());
  CHECK_OK(request);
  return qapi::FormatJson(*request);
}

}  // namespace

TEST(WordsAreSplitAsInAShell) {
  CHECK_EQ(Words("  a b\tc "), "[a][b][c]");
  CHECK_EQ(Words("a='x y' \"p \\\" q\" 'r \\ s' t\\ u ''"), "[a=x y][p \" q][r \\ s][t u][]");
  CHECK_EQ(Words("a:={\"x\":1}"), "[a:={x:1}]");
  CHECK_EQ(Words("a:='{\"x\":1}'"), "[a:={\"x\":1}]");
}

TEST(AnOpenQuoteIsAnError) {
  CHECK_MESSAGE(SplitWords("a 'b"), "a quote does not end");
  CHECK_MESSAGE(SplitWords("a\\"), "a quote does not end");
}

TEST(ACommandAloneHasNoArguments) { CHECK_EQ(Request({"quit"}), "{\"execute\": \"quit\"}"); }

TEST(KeysDescend) {
  CHECK_EQ(Request({"c", "a.b=x", "a.c=y", "l.0=p", "l.1=q"}),
           "{\"execute\": \"c\", \"arguments\": {\"a\": {\"b\": \"x\", \"c\": \"y\"}, "
           "\"l\": [\"p\", \"q\"]}}");
}

TEST(CommasAreCharacters) {
  CHECK_EQ(Request({"c", "a=x,y=z", "b=="}),
           "{\"execute\": \"c\", \"arguments\": {\"a\": \"x,y=z\", \"b\": \"=\"}}");
}

TEST(JsonIsTakenAsItIs) {
  CHECK_EQ(
      Request({"c", "a:=[1, {\"b\": null}]", "d.e:=\"7\""}),
      "{\"execute\": \"c\", \"arguments\": {\"a\": [1, {\"b\": null}], \"d\": {\"e\": \"7\"}}}");
}

TEST(WithoutTypesValuesAreWhatTheyLookLike) {
  CHECK_EQ(Request({"c", "a=7", "b=true", "c=on", "d=1G"}),
           "{\"execute\": \"c\", \"arguments\": {\"a\": 7, \"b\": true, \"c\": \"on\", "
           "\"d\": \"1G\"}}");
}

TEST(WhatIsNoArgumentIsNamed) {
  const std::vector<std::string> bare = {"c", "word"};
  CHECK_MESSAGE(MakeRequest(bare, QmpTypes()), "'word': KEY=VALUE or KEY:=JSON is expected");
  const std::vector<std::string> json = {"c", "a:={"};
  CHECK_MESSAGE(MakeRequest(json, QmpTypes()), "'a:={': ");
  const std::vector<std::string> marker = {"c",
                                           "a=\x01"
                                           "9"};
  CHECK_MESSAGE(MakeRequest(marker, QmpTypes()), "control character");
}

TEST(OnlyPlainValuesNeedTypes) {
  const std::vector<std::string> plain = {"a:=1", "b=2"};
  const std::vector<std::string> json = {"a:=1", "b:=2"};
  CHECK(NeedsTypes(plain));
  CHECK(!NeedsTypes(json));
}
