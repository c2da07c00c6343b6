// Tests of option values.
#include "values.h"

#include "check.h"

using namespace fusebay;

namespace {

std::uint64_t Size(std::string_view text) {
  const auto size = ParseSize(text);
  CHECK_OK(size);
  return *size;
}

}  // namespace

TEST(SizesHaveSuffixes) {
  CHECK_EQ(Size("0"), 0u);
  CHECK_EQ(Size("512"), 512u);
  CHECK_EQ(Size("1k"), 1024u);
  CHECK_EQ(Size("3M"), 3u << 20);
  CHECK_EQ(Size("10G"), std::uint64_t{10} << 30);
  CHECK_EQ(Size("2T"), std::uint64_t{2} << 40);
  CHECK_EQ(Size("1p"), std::uint64_t{1} << 50);
  CHECK_EQ(Size("15E"), std::uint64_t{15} << 60);
}

TEST(LargestSizeFits) {
  CHECK_EQ(Size("18446744073709551615"), UINT64_MAX);
  CHECK_MESSAGE(ParseSize("16E"), "size '16E' is too large");
}

TEST(WhatIsNoSizeIsNamed) {
  for (const std::string text : {"", "K", "-1", "+1", "1.5G", "1GB", " 1", "1 ", "0x10",
                                 "18446744073709551616", "nonsense"}) {
    CHECK_MESSAGE(ParseSize(text), "'" + text + "' is not a size");
  }
}

TEST(ImageSizesHaveMoreForms) {
  CHECK_EQ(*ParseImageSize("0x200"), 512u);
  CHECK_EQ(*ParseImageSize("1.5k"), 1536u);
  CHECK_EQ(*ParseImageSize("12b"), 12u);
  CHECK_EQ(*ParseImageSize("1.0"), 1u);
  CHECK_ERRNO(ParseImageSize("16E"), ERANGE);
  for (const std::string_view text : {"", "k", "-1", "1.5", "1kk", "1 ", "0x", "1x"}) {
    CHECK_ERRNO(ParseImageSize(text), EINVAL);
  }
  CHECK_MESSAGE(ParseImageSizeOf("image size", "8E"), "Invalid image size specified. Must be");
  CHECK_MESSAGE(ParseImageSizeOf("max length", "x"), "Invalid max length specified. You may use");
}

TEST(NumbersHaveARange) {
  CHECK_EQ(*ParseNumber("0", 0, 64), 0);
  CHECK_EQ(*ParseNumber("64", 0, 64), 64);
  CHECK_MESSAGE(ParseNumber("65", 0, 64), "'65' is not a number from 0 to 64");
  CHECK_MESSAGE(ParseNumber("-1", 0, 64), "'-1'");
  CHECK_MESSAGE(ParseNumber("1x", 0, 64), "'1x'");
}

TEST(OnAndOff) {
  CHECK_EQ(*ParseOnOff("on"), true);
  CHECK_EQ(*ParseOnOff("off"), false);
  CHECK_MESSAGE(ParseOnOff("yes"), "'yes' is neither on nor off");
  CHECK_EQ(*ParseOnOffAuto("auto"), OnOffAuto::kAuto);
  CHECK_EQ(*ParseOnOffAuto("off"), OnOffAuto::kOff);
  CHECK_MESSAGE(ParseOnOffAuto(""), "'' is none of on, off, auto");
}

TEST(HumanSizesHaveThreeDigits) {
  CHECK_EQ(HumanSize(0), "0 B");
  CHECK_EQ(HumanSize(512), "512 B");
  CHECK_EQ(HumanSize(417792), "408 KiB");
  CHECK_EQ(HumanSize(3 << 20), "3 MiB");
  CHECK_EQ(HumanSize((3 << 20) / 2), "1.5 MiB");
  CHECK_EQ(HumanSize(1000), "0.977 KiB");
  CHECK_EQ(HumanSize(UINT64_MAX), "16 EiB");
}
