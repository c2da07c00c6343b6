// UTF-8 as QMP has it.
#include "runtime/utf8.h"

#include "check.h"

namespace fusebay::qapi {

namespace {

// The character that the bytes are, -1 if they are none.
std::int64_t Decode(std::string_view bytes) {
  std::size_t at = 0;
  const std::optional<std::uint32_t> c = DecodeUtf8(bytes, at);
  CHECK_EQ(at, bytes.size());
  return c ? std::int64_t{*c} : -1;
}

}  // namespace

TEST(EveryCharacterComesBack) {
  for (std::uint32_t c = 0; c <= 0x10FFFF; ++c) {
    if (IsCharacter(c)) {
      std::string text;
      AppendUtf8(c, text);
      CHECK_EQ(Decode(text), std::int64_t{c});
    }
  }
}

TEST(SurrogatesAndNoncharactersAreNone) {
  for (const std::uint32_t c : {0xD800U, 0xDFFFU, 0xFDD0U, 0xFFFFU, 0x1FFFEU, 0x110000U}) {
    CHECK(!IsCharacter(c));
  }
}

TEST(NulIsTwoBytes) {
  CHECK_EQ(Decode("\xC0\x80"), 0);
  CHECK_EQ(Decode("\xC1\x81"), -1);
}

TEST(LongFormsAreNone) {
  CHECK_EQ(Decode("\xE0\x80\x80"), -1);
  CHECK_EQ(Decode("\xF0\x80\x80\x80"), -1);
}

TEST(BadSequenceIsOneMistake) {
  CHECK_EQ(Decode("\x80"), -1);
  CHECK_EQ(Decode("\xE2\x82"), -1);
  CHECK_EQ(Decode("\xF8\x88\x80\x80\x80"), -1);
  CHECK_EQ(Decode("\xFD\x80"), -1);
}

}  // namespace fusebay::qapi
