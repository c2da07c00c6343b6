// Joins runs of bytes and renders them, in the two forms of `qemu-img map`.
#include "map_lines.h"

#include <fmt/format.h>

#include "paths.h"

namespace fusebay {

namespace {

bool Continues(const MapEntry& next, const MapEntry& last) {
  const bool same_place = last.offset.has_value()
                              ? next.offset == std::optional(*last.offset + last.length)
                              : !next.offset.has_value();
  return same_place && next.zero == last.zero && next.data == last.data &&
         next.present == last.present && next.depth == last.depth && next.filename == last.filename;
}

// "0x100", but 0 is "0".
std::string Hex(std::uint64_t value) { return value == 0 ? "0" : fmt::format("{:#x}", value); }

std::string JsonLine(const MapEntry& entry) {
  std::string line = fmt::format(
      R"({{ "start": {}, "length": {}, "depth": {}, "present": {}, "zero": {}, "data": {})",
      entry.start, entry.length, entry.depth, entry.present, entry.zero, entry.data);
  if (entry.offset.has_value()) {
    line += fmt::format(R"(, "offset": {})", *entry.offset);
  }
  return line + "}";
}

std::string HumanLine(const MapEntry& entry) {
  return fmt::format("{:<16}{:<16}{:<16}{}\n", Hex(entry.start), Hex(entry.length),
                     Hex(entry.offset.value_or(0)), PrintablePath(entry.filename));
}

}  // namespace

Result<Unit, Error> MapLines::Add(const MapEntry& next) {
  if (has_begun_ && Continues(next, last_)) {
    last_.length += next.length;
    return Unit{};
  }
  if (has_begun_) {
    FB_TRY(Print(last_));
  }
  has_begun_ = true;
  last_ = next;
  return Unit{};
}

Result<Unit, Error> MapLines::Finish(std::uint64_t start) {
  if (!has_begun_) {
    last_.start = start;
  }
  FB_TRY(Print(last_));
  if (format_ == OutputFormat::kJson) {
    text_ += "]\n";
  }
  return Unit{};
}

Result<Unit, Error> MapLines::Print(const MapEntry& entry) {
  const bool is_first = !std::exchange(has_lines_, true);
  if (format_ == OutputFormat::kJson) {
    text_ += is_first ? "[" : ",\n";
    text_ += JsonLine(entry);
    return Unit{};
  }
  if (is_first) {
    text_ += fmt::format("{:<16}{:<16}{:<16}{}\n", "Offset", "Length", "Mapped to", "File");
  }
  if (entry.data && !entry.offset.has_value()) {
    return Error{Errno{ENOTSUP}, "File contains external, encrypted or compressed clusters."};
  }
  if (entry.data && !entry.zero) {
    text_ += HumanLine(entry);
  }
  return Unit{};
}

}  // namespace fusebay
