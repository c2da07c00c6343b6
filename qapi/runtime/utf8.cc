// UTF-8 as QMP has it.
#include "runtime/utf8.h"

#include "base/assert.h"

namespace fusebay::qapi {

namespace {

constexpr std::uint32_t kMax = 0x10FFFF;

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// How many bytes follow this one; -1: it begins no character.
int Followers(unsigned char lead) {
  if (lead < 0x80) {
    return 0;
  }
  if (lead >= 0xC0 && lead < 0xE0) {
    return 1;
  }
  if (lead >= 0xE0 && lead < 0xF0) {
    return 2;
  }
  if (lead >= 0xF0 && lead < 0xF8) {
    return 3;
  }
  // No characters, but one mistake rather than several.
  if (lead >= 0xF8 && lead < 0xFE) {
    return lead < 0xFC ? 4 : 5;
  }
  return -1;
}

}  // namespace

bool IsCharacter(std::uint32_t code_point) {
  const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  const bool noncharacter =
      (code_point >= 0xFDD0 && code_point <= 0xFDEF) || (code_point & 0xFFFEU) == 0xFFFE;
  return code_point <= kMax && !surrogate && !noncharacter;
}

std::optional<std::uint32_t> DecodeUtf8(std::string_view text, std::size_t& at) {
  FB_ASSERT(at < text.size());
  static constexpr std::uint32_t kLeadBits[] = {0x7F, 0x1F, 0x0F, 0x07, 0x03, 0x01};
  static constexpr std::uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000, 0x200000, 0x4000000};
  const auto lead = static_cast<unsigned char>(text[at]);
  ++at;
  const int followers = Followers(lead);
  if (followers < 0) {
    return std::nullopt;
  }
  std::uint32_t code_point = lead & kLeadBits[followers];
  for (int i = 0; i < followers; ++i) {
    if (at == text.size() || !IsContinuation(text[at])) {
      return std::nullopt;
    }
    code_point = code_point << 6U | (static_cast<unsigned char>(text[at]) & 0x3FU);
    ++at;
  }
  const bool is_nul = code_point == 0 && followers == 1;
  if (!IsCharacter(code_point) || (code_point < kLeast[followers] && !is_nul)) {
    return std::nullopt;
  }
  return code_point;
}

void AppendUtf8(std::uint32_t code_point, std::string& out) {
  FB_ASSERT(IsCharacter(code_point));
  const auto append = [&out](std::uint32_t byte) {
    out.push_back(static_cast<char>(static_cast<unsigned char>(byte)));
  };
  if (code_point > 0 && code_point < 0x80) {
    append(code_point);
    return;
  }
  if (code_point < 0x800) {
    append(0xC0U | code_point >> 6U);
  } else if (code_point < 0x10000) {
    append(0xE0U | code_point >> 12U);
    append(0x80U | (code_point >> 6U & 0x3FU));
  } else {
    append(0xF0U | code_point >> 18U);
    append(0x80U | (code_point >> 12U & 0x3FU));
    append(0x80U | (code_point >> 6U & 0x3FU));
  }
  append(0x80U | (code_point & 0x3FU));
}

}  // namespace fusebay::qapi
