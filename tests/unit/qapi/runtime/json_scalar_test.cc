// Values of tokens: ranges of numbers, escapes, UTF-8.
#include "runtime/json_scalar.h"

#include "check.h"

namespace fusebay::qapi {

TEST(IntegersGrowToUnsignedThenDouble) {
  CHECK_EQ(*IntegerValue("9223372036854775807")->AsInt64(), 9223372036854775807);
  CHECK_EQ(*IntegerValue("18446744073709551615")->AsUint64(), 18446744073709551615U);
  CHECK_EQ(*IntegerValue("18446744073709551616")->AsDouble(), 18446744073709551616.0);
  CHECK(IntegerValue("-9223372036854775809")->kind() == JsonKind::kDouble);
}

TEST(TinyNumbersAreZero) { CHECK_EQ(*FloatValue("1e-999")->AsDouble(), 0.0); }

TEST(HugeNumbersAreRefused) { CHECK_MESSAGE(FloatValue("1e999"), "'1e999' is out of range"); }

TEST(KeywordsAreThree) {
  CHECK(KeywordValue("null")->is_null());
  CHECK(*KeywordValue("true")->AsBool());
  CHECK_MESSAGE(KeywordValue("nil"), "JSON parse error, invalid keyword 'nil'");
}

TEST(LongTextIsCutInMessages) {
  CHECK_EQ(KeywordValue(std::string(5000, 'a')).error().message.size(), 239U);
}

TEST(EscapesAreTaken) { CHECK_EQ(*StringValue(R"("\"\'\\\/\b\f\n\r\t")"), "\"'\\/\b\f\n\r\t"); }

TEST(UnicodeEscapesAreUtf8) {
  CHECK_EQ(*StringValue(R"("\u00e4\u20AC\ud83d\ude00")"), "\u00e4\u20ac\U0001F600");
}

TEST(NulIsTwoBytes) {
  CHECK_EQ(*StringValue(R"("a\u0000b")"),
           "a\xC0\x80"
           "b");
}

TEST(LoneSurrogatesAreRefused) {
  CHECK_MESSAGE(StringValue(R"("\ud800\u0041")"), "\\ud800 is not a valid Unicode character");
  CHECK_MESSAGE(StringValue(R"("\udc00")"), "\\udc00 is not a valid");
}

TEST(ShortUnicodeEscapeIsNamedAsItStands) {
  CHECK_MESSAGE(StringValue(R"("\u12")"), "\\u12\" is not a valid Unicode character");
}

TEST(UnknownEscapeIsRefused) {
  CHECK_MESSAGE(StringValue(R"("\x")"), "invalid escape sequence in string");
}

TEST(BadUtf8IsRefused) {
  CHECK_MESSAGE(StringValue("\"\xe0\x80\x80\""), "invalid UTF-8 sequence in string");
  CHECK_MESSAGE(StringValue("\"\xe2\x82\""), "invalid UTF-8 sequence in string");
}

}  // namespace fusebay::qapi
