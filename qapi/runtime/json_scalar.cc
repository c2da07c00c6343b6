// From the text of a token to its value.
#include "runtime/json_scalar.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "runtime/utf8.h"

namespace fusebay::qapi {

namespace {

constexpr std::size_t kClip = 200;
constexpr std::size_t kEscapeLength = 6;  // \u0000

std::optional<std::uint32_t> HexUnit(std::string_view text) {
  std::uint32_t unit = 0;
  if (text.size() < kEscapeLength || text[0] != '\\' || text[1] != 'u') {
    return std::nullopt;
  }
  const char* const end = text.data() + kEscapeLength;
  const auto parsed = std::from_chars(text.data() + 2, end, unit, 16);
  return parsed.ec == std::errc() && parsed.ptr == end ? std::optional(unit) : std::nullopt;
}

bool IsHighSurrogate(std::uint32_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool IsLowSurrogate(std::uint32_t unit) { return unit >= 0xDC00 && unit < 0xE000; }

// `text` begins with \u. Appends the character and returns the length of its one or two escapes.
Result<std::size_t, Error> AppendUnicode(std::string_view text, std::string& out) {
  const Error error = JsonParseError(
      fmt::format("{} is not a valid Unicode character", text.substr(0, kEscapeLength)));
  const std::optional<std::uint32_t> unit = HexUnit(text);
  if (!unit) {
    return error;
  }
  std::uint32_t code_point = *unit;
  std::size_t length = kEscapeLength;
  if (IsHighSurrogate(*unit)) {
    const std::optional<std::uint32_t> low = HexUnit(text.substr(kEscapeLength));
    if (!low || !IsLowSurrogate(*low)) {
      return error;
    }
    code_point = 0x10000U + ((*unit & 0x3FFU) << 10U | (*low & 0x3FFU));
    length += kEscapeLength;
  }
  if (!IsCharacter(code_point)) {
    return error;
  }
  AppendUtf8(code_point, out);
  return length;
}

// What \LETTER stands for; 0: nothing.
char SimpleEscape(char letter) {
  static constexpr std::string_view kLetters = "\"'\\/bfnrt";
  static constexpr std::string_view kMeanings = "\"'\\/\b\f\n\r\t";
  const std::size_t at = kLetters.find(letter);
  return at == std::string_view::npos ? '\0' : kMeanings[at];
}

}  // namespace

Error JsonParseError(std::string_view what) {
  return Error{Errno{EINVAL}, fmt::format("JSON parse error, {}", what)};
}

std::string Clip(std::string_view text) {
  return text.size() <= kClip ? std::string(text) : std::string(text.substr(0, kClip)) + "...";
}

Result<JsonValue, Error> IntegerValue(std::string_view token) {
  const char* const begin = token.data();
  const char* const end = begin + token.size();
  std::int64_t small = 0;
  if (std::from_chars(begin, end, small).ec == std::errc()) {
    return JsonValue(small);
  }
  std::uint64_t large = 0;
  if (token.front() != '-' && std::from_chars(begin, end, large).ec == std::errc()) {
    return JsonValue(large);
  }
  return FloatValue(token);
}

Result<JsonValue, Error> FloatValue(std::string_view token) {
  double value = 0;
  const auto parsed = std::from_chars(token.data(), token.data() + token.size(), value);
  if (parsed.ec == std::errc::result_out_of_range) {
    // Too small is 0, which only this one tells from too large.
    value = std::strtod(std::string(token).c_str(), nullptr);
  }
  if (!std::isfinite(value)) {
    return JsonParseError(fmt::format("number '{}' is out of range", Clip(token)));
  }
  return JsonValue(value);
}

Result<JsonValue, Error> KeywordValue(std::string_view token) {
  if (token == "true" || token == "false") {
    return JsonValue(token == "true");
  }
  if (token == "null") {
    return JsonValue();
  }
  return JsonParseError(fmt::format("invalid keyword '{}'", Clip(token)));
}

Result<std::string, Error> StringValue(std::string_view token) {
  // Escapes look at what follows with the closing quote, for the message's sake.
  const std::size_t end = token.size() - 1;
  std::string out;
  std::size_t at = 1;
  while (at < end) {
    if (token[at] != '\\') {
      const std::size_t begin = at;
      const bool is_ascii = static_cast<unsigned char>(token[at]) < 0x80;
      at += is_ascii ? 1 : 0;
      if (!is_ascii && !DecodeUtf8(token.substr(0, end), at)) {
        return JsonParseError("invalid UTF-8 sequence in string");
      }
      out += token.substr(begin, at - begin);
      continue;
    }
    if (token[at + 1] == 'u') {
      FB_ASSIGN(const std::size_t length, AppendUnicode(token.substr(at), out));
      at += length;
      continue;
    }
    const char meaning = SimpleEscape(token[at + 1]);
    if (meaning == '\0') {
      return JsonParseError("invalid escape sequence in string");
    }
    out += meaning;
    at += 2;
  }
  return out;
}

}  // namespace fusebay::qapi
