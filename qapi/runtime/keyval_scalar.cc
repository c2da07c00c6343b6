// Numbers and booleans in keyval's strings.
#include "runtime/keyval_scalar.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace fusebay::qapi {

namespace {

// Takes all of the text with a function of the strtoll family.
template <class Function>
auto Whole(const std::string& text, Function convert)
    -> std::optional<decltype(convert(nullptr, nullptr))> {
  char* end = nullptr;
  errno = 0;
  const auto value = convert(text.c_str(), &end);
  if (errno != 0 || end == text.c_str() || end != text.c_str() + text.size()) {
    return std::nullopt;
  }
  return value;
}

// The power of two of a suffix; nothing: it is none.
std::optional<unsigned> SuffixBits(std::string_view suffix) {
  static constexpr std::string_view kSuffixes = "bkmgtpe";
  if (suffix.empty()) {
    return 0;
  }
  const char lower =
      suffix[0] >= 'A' && suffix[0] <= 'Z' ? static_cast<char>(suffix[0] + 32) : suffix[0];
  const std::size_t at = kSuffixes.find(lower);
  if (suffix.size() != 1 || at == std::string_view::npos) {
    return std::nullopt;
  }
  return static_cast<unsigned>(at) * 10;
}

// ".5" of 2^bits, rounded down; nothing: no fraction.
std::optional<std::uint64_t> Fraction(std::string_view text, unsigned bits) {
  double fraction = 0;
  const std::string padded = "0" + std::string(text);
  const char* const end = padded.data() + padded.size();
  const auto parsed = std::from_chars(padded.data(), end, fraction, std::chars_format::fixed);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(std::ldexp(fraction, static_cast<int>(bits)));
}

}  // namespace

std::optional<bool> KeyvalBool(std::string_view text) {
  if (text == "on" || text == "yes" || text == "true" || text == "y") {
    return true;
  }
  if (text == "off" || text == "no" || text == "false" || text == "n") {
    return false;
  }
  return std::nullopt;
}

std::optional<std::int64_t> KeyvalSigned(const std::string& text) {
  return Whole(text,
               [](const char* s, char** end) { return std::int64_t{std::strtoll(s, end, 0)}; });
}

std::optional<std::uint64_t> KeyvalUnsigned(const std::string& text) {
  return Whole(text,
               [](const char* s, char** end) { return std::uint64_t{std::strtoull(s, end, 0)}; });
}

std::optional<double> KeyvalDouble(const std::string& text) {
  const auto value = Whole(text, [](const char* s, char** end) { return std::strtod(s, end); });
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<std::uint64_t> KeyvalSize(std::string_view text) {
  const bool is_hex = text.substr(0, 2) == "0x" || text.substr(0, 2) == "0X";
  const std::string_view digits = is_hex ? text.substr(2) : text;
  std::uint64_t whole = 0;
  const char* const end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, whole, is_hex ? 16 : 10);
  if (parsed.ec != std::errc()) {
    return std::nullopt;
  }
  const std::string_view rest(parsed.ptr, static_cast<std::size_t>(end - parsed.ptr));
  if (is_hex) {
    return rest.empty() ? std::optional(whole) : std::nullopt;
  }
  const std::size_t fraction_length = std::min(rest.size(), rest.find_first_not_of(".0123456789"));
  const std::optional<unsigned> bits = SuffixBits(rest.substr(fraction_length));
  if (!bits) {
    return std::nullopt;
  }
  std::optional<std::uint64_t> fraction = 0;
  if (fraction_length > 0) {
    fraction = Fraction(rest.substr(0, fraction_length), *bits);
  }
  std::uint64_t bytes = 0;
  if (!fraction || __builtin_mul_overflow(whole, std::uint64_t{1} << *bits, &bytes) ||
      __builtin_add_overflow(bytes, *fraction, &bytes)) {
    return std::nullopt;
  }
  return bytes;
}

}  // namespace fusebay::qapi
