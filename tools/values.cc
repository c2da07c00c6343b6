// Parsing and printing of option values.
#include "values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace fusebay {

namespace {

Error Usage(std::string message) { return Error{Errno(EINVAL), std::move(message)}; }

template <class T>
bool ParseWhole(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

bool IsDigits(std::string_view text) {
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}

// The number that ".5" stands for, times 2^shift; 0 for "" and ".".
std::uint64_t Fraction(std::string_view text, int shift) {
  double value = 0;
  return text.size() > 1 && ParseWhole(text, value)
             ? static_cast<std::uint64_t>(std::ldexp(value, shift))
             : 0;
}

// How far a suffix shifts; 0 for a digit, -1 for anything else.
int SuffixShift(char suffix) {
  constexpr std::string_view kSuffixes = "kmgtpe";
  if (suffix >= '0' && suffix <= '9') {
    return 0;
  }
  const char small = static_cast<char>(suffix | 0x20);
  const std::size_t index = kSuffixes.find(small);
  return index == std::string_view::npos ? -1 : static_cast<int>(10 * (index + 1));
}

}  // namespace

Result<std::uint64_t, Error> ParseSize(std::string_view text) {
  const int shift = text.empty() ? -1 : SuffixShift(text.back());
  const std::string_view digits = shift > 0 ? text.substr(0, text.size() - 1) : text;
  std::uint64_t value = 0;
  if (shift < 0 || !ParseWhole(digits, value)) {
    return Usage(fmt::format("'{}' is not a size (a number, with K, M, G, T, P or E)", text));
  }
  if (value > (UINT64_MAX >> shift)) {
    return Usage(fmt::format("size '{}' is too large", text));
  }
  return value << shift;
}

Result<std::uint64_t> ParseImageSize(std::string_view text) {
  const bool is_hex = text.starts_with("0x") || text.starts_with("0X");
  const std::size_t number_end = is_hex ? text.find_first_not_of("0123456789abcdefABCDEF", 2)
                                        : text.find_first_not_of("0123456789.");
  const std::string_view suffix =
      number_end == std::string_view::npos ? std::string_view() : text.substr(number_end);
  const std::string_view number = text.substr(0, text.size() - suffix.size());
  const bool is_bytes = suffix.empty() || suffix == "B" || suffix == "b";
  const int shift = is_bytes ? 0 : SuffixShift(suffix.front());
  if (shift < 0 || suffix.size() > 1) {
    return Errno{EINVAL};
  }
  const std::size_t dot = std::min(number.find('.'), number.size());
  const std::string_view whole = is_hex ? number.substr(2) : number.substr(0, dot);
  const std::string_view fraction = number.substr(dot);
  std::uint64_t value = 0;
  const auto parsed =
      std::from_chars(whole.data(), whole.data() + whole.size(), value, is_hex ? 16 : 10);
  if (parsed.ec == std::errc::result_out_of_range) {
    return Errno{ERANGE};
  }
  if (parsed.ec != std::errc() || (!fraction.empty() && !IsDigits(fraction.substr(1))) ||
      (shift == 0 && fraction.find_first_not_of(".0") != std::string_view::npos)) {
    return Errno{EINVAL};
  }
  if (value > (UINT64_MAX >> shift)) {
    return Errno{ERANGE};
  }
  const std::uint64_t bytes = value << shift;
  const std::uint64_t more = Fraction(fraction, shift);
  return more > UINT64_MAX - bytes ? Result<std::uint64_t>{Errno{ERANGE}} : bytes + more;
}

Result<std::uint64_t, Error> ParseImageSizeOf(std::string_view what, std::string_view text) {
  const Result<std::uint64_t> size = ParseImageSize(text);
  if (size.ok() && *size <= INT64_MAX) {
    return *size;
  }
  if (size.ok() || size.error() == Errno{ERANGE}) {
    return Error{Errno{ERANGE},
                 fmt::format("Invalid {} specified. Must be between 0 and {}.", what, INT64_MAX)};
  }
  return Error{Errno{EINVAL},
               fmt::format("Invalid {} specified. You may use k, M, G, T, P or E suffixes for "
                           "kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.",
                           what)};
}

Result<std::int64_t, Error> ParseNumber(std::string_view text, std::int64_t min, std::int64_t max) {
  std::int64_t value = 0;
  if (!ParseWhole(text, value) || value < min || value > max) {
    return Usage(fmt::format("'{}' is not a number from {} to {}", text, min, max));
  }
  return value;
}

Result<bool, Error> ParseOnOff(std::string_view text) {
  if (text == "on") {
    return true;
  }
  if (text == "off") {
    return false;
  }
  return Usage(fmt::format("'{}' is neither on nor off", text));
}

Result<OnOffAuto, Error> ParseOnOffAuto(std::string_view text) {
  if (text == "auto") {
    return OnOffAuto::kAuto;
  }
  if (text == "on") {
    return OnOffAuto::kOn;
  }
  if (text == "off") {
    return OnOffAuto::kOff;
  }
  return Usage(fmt::format("'{}' is none of on, off, auto", text));
}

std::string HumanSize(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 7> kUnits = {"B",   "KiB", "MiB", "GiB",
                                                      "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  // What would be rounded to 1000 or more takes the next unit.
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.3g} {}", value, kUnits[unit]);
}

}  // namespace fusebay
