// Options as keyval: nesting, lists, escapes, what is refused.
#include "qapi/keyval.h"

#include "check.h"

namespace fusebay::qapi {

namespace {

std::string Parse(std::string_view text, std::string_view implied_key = {}) {
  const Result<OptionText, Error> option = ParseKeyval(text, implied_key);
  return option.ok() ? FormatJson(option->value) + (option->help ? " help" : "")
                     : option.error().message;
}

}  // namespace

TEST(DotsDescend) {
  CHECK_EQ(Parse("a=1,b.c=2,b.d.e=3"), R"({"a": "1", "b": {"c": "2", "d": {"e": "3"}}})");
}

TEST(NumbersMakeLists) {
  CHECK_EQ(Parse("a.1=y,a.0.b=x"), R"({"a": [{"b": "x"}, "y"]})");
  CHECK_EQ(Parse("a.0.0=x"), R"({"a": [["x"]]})");
}

TEST(ListsHaveNoGaps) {
  CHECK_EQ(Parse("a.0=x,a.2=y"), "Parameter 'a.1' missing");
  CHECK_EQ(Parse("b.a.99999999999999999999=x"), "Parameter 'b.a.0' missing");
}

TEST(TwoCommasAreOne) { CHECK_EQ(Parse("a=x,,y,b=,,"), R"({"a": "x,y", "b": ","})"); }

TEST(LastValueCounts) { CHECK_EQ(Parse("a=1,a=2,"), R"({"a": "2"})"); }

TEST(FirstPartMayBeAValue) {
  CHECK_EQ(Parse("x,a=1", "driver"), R"({"driver": "x", "a": "1"})");
  CHECK_EQ(Parse("a=1,x", "driver"), "Expected '=' after parameter 'x'");
  CHECK_EQ(Parse("x"), "Expected '=' after parameter 'x'");
}

TEST(HelpIsSeenAnywhere) {
  CHECK_EQ(Parse("help", "driver"), "{} help");
  CHECK_EQ(Parse("x,?,a=1", "driver"), R"({"driver": "x", "a": "1"} help)");
  CHECK_EQ(Parse("help=1"), R"({"help": "1"})");
}

TEST(KeysAreNames) {
  for (const std::string key :
       {"", "1", ".a", "a.", "a..b", "a b", "_a", "a.-1", "a.1b", "__a.b"}) {
    CHECK_EQ(Parse(key + "=x"), "Invalid parameter '" + key + "'");
  }
  CHECK_EQ(Parse("__com.example_x.Y-2_z=1"), R"({"__com.example_x": {"Y-2_z": "1"}})");
}

TEST(LongKeysAreRefused) {
  const std::string name(128, 'a');
  CHECK_EQ(Parse(name + "=1"), "Parameter '" + name + "' is too long");
  CHECK_EQ(Parse("b." + name + "=1"), "Parameter fragment '" + name + "' is too long");
}

TEST(DeepKeysAreRefused) {
  std::string key = "a";
  for (int i = 0; i < 255; ++i) {
    key += ".a";
  }
  CHECK_OK(ParseKeyval(key + "=1", {}));
  CHECK_MESSAGE(ParseKeyval(key + ".a=1", {}), "has more than 256 levels");
}

TEST(OneKeyIsOneThing) {
  CHECK_EQ(Parse("a=1,a.b=2"), "Parameters 'a.*' used inconsistently");
  CHECK_EQ(Parse("a.b=1,a=2"), "Parameters 'a.*' used inconsistently");
  CHECK_EQ(Parse("a.b.0=1,a.b.c=2"), "Parameters 'a.b.*' used inconsistently");
}

TEST(BraceBeginsJson) {
  const Result<OptionText, Error> option = ParseOptionText("{'a': 1}", "driver");
  CHECK(option->is_json);
  CHECK_EQ(FormatJson(option->value), R"({"a": 1})");
  CHECK(!ParseOptionText("a", "driver")->is_json);
  CHECK_MESSAGE(ParseOptionText("{", "driver"), "premature EOI");
}

}  // namespace fusebay::qapi
