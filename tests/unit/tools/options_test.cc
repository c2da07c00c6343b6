// Tests of the option parser.
#include "options.h"

#include <array>

#include "check.h"

using namespace fusebay;

namespace {

constexpr std::array kSpecs = {
    OptionSpec{"format", 'f', "FORMAT", "which format", OptionValue::kRequired},
    OptionSpec{"writable", 'w', "", "may be written"},
    OptionSpec{"verbose", 'v', "", "more words"},
    OptionSpec{"share", 0, "MODE", "with whom", OptionValue::kOptional},
};

Result<ParsedArguments, Error> Parse(const std::vector<std::string>& words) {
  return ParseArguments(kSpecs, words);
}

std::string FormatIn(const std::vector<std::string>& words) {
  const auto parsed = Parse(words);
  CHECK_OK(parsed);
  const std::string* const value = parsed->Value("format");
  CHECK(value != nullptr);
  return *value;
}

}  // namespace

TEST(ValueFormsAreEqual) {
  CHECK_EQ(FormatIn({"--format=raw"}), "raw");
  CHECK_EQ(FormatIn({"--format", "raw"}), "raw");
  CHECK_EQ(FormatIn({"-f", "raw"}), "raw");
  CHECK_EQ(FormatIn({"-fraw"}), "raw");
}

TEST(ValueMayHoldEqualsSignOrBeEmpty) {
  CHECK_EQ(FormatIn({"--format=a=b"}), "a=b");
  CHECK_EQ(FormatIn({"--format="}), "");
}

TEST(LastValueWins) { CHECK_EQ(FormatIn({"-fraw", "-fqcow2"}), "qcow2"); }

TEST(LettersMayShareAWord) {
  const auto parsed = Parse({"-wvf", "raw", "x"});
  CHECK_OK(parsed);
  CHECK(parsed->Has("writable"));
  CHECK(parsed->Has("verbose"));
  CHECK_EQ(*parsed->Value("format"), "raw");
  CHECK_EQ(parsed->operands.size(), 1u);
}

TEST(OperandsAndOptionsMix) {
  const auto parsed = Parse({"a", "-w", "b", "-", "--", "-v", "--format"});
  CHECK_OK(parsed);
  CHECK(parsed->operands == (std::vector<std::string>{"a", "b", "-", "-v", "--format"}));
  CHECK(!parsed->Has("verbose"));
}

TEST(ANegativeNumberIsAnOperand) {
  const auto parsed = Parse({"disk", "-1G", "-w"});
  CHECK_OK(parsed);
  CHECK(parsed->operands == (std::vector<std::string>{"disk", "-1G"}));
  CHECK(parsed->Has("writable"));
}

TEST(OptionalValueIsNeverTheNextWord) {
  const auto parsed = Parse({"--share", "on"});
  CHECK_OK(parsed);
  CHECK(parsed->Has("share"));
  CHECK(parsed->Value("share") == nullptr);
  CHECK_EQ(parsed->operands.size(), 1u);
  const auto with_value = Parse({"--share=on"});
  CHECK_EQ(*with_value->Value("share"), "on");
}

TEST(EveryTableHasHelpAndVersion) {
  CHECK(Parse({"--help"})->Has(kHelpOption));
  CHECK(Parse({"-h"})->Has(kHelpOption));
  CHECK(Parse({"--version"})->Has(kVersionOption));
}

TEST(UnknownOptionsAreNamed) {
  CHECK_MESSAGE(Parse({"--bogus=1"}), "unknown option '--bogus'");
  CHECK_MESSAGE(Parse({"-wx"}), "unknown option '-x'");
  CHECK_MESSAGE(Parse({"--form=raw"}), "unknown option '--form'");
}

TEST(MissingAndNeedlessValuesAreNamed) {
  CHECK_MESSAGE(Parse({"--format"}), "option '--format' needs a value");
  CHECK_MESSAGE(Parse({"-wf"}), "option '--format' needs a value");
  CHECK_MESSAGE(Parse({"--writable=yes"}), "option '--writable' takes no value");
}

TEST(DescriptionHasEveryOption) {
  const std::string text = DescribeOptions(kSpecs);
  CHECK(text.find("-f, --format=FORMAT") != std::string::npos);
  CHECK(text.find("    --share[=MODE]") != std::string::npos);
  CHECK(text.find("-h, --help") != std::string::npos);
}
