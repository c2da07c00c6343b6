// Parsing and printing of option values.
#include "values.h"

#include <fmt/format.h>

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
