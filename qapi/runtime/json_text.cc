// Writes JSON as QEMU does: ASCII, ", " and ": ".
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/assert.h"
#include "qapi/json.h"
#include "runtime/utf8.h"

namespace fusebay::qapi {

namespace {

constexpr std::uint32_t kReplacement = 0xFFFD;
constexpr int kColumnsPerLevel = 4;
// Deeper ones are not indented more, so that the text of a small value is never a huge one.
constexpr int kIndentedLevels = 16;

class Writer {
 public:
  // No line end: all on one line.
  explicit Writer(std::string_view line_end) : line_end_(line_end) {}

  void Write(const JsonValue& value) {
    switch (value.kind()) {
      case JsonKind::kNull:
        out_ += "null";
        return;
      case JsonKind::kBool:
        out_ += *value.AsBool() ? "true" : "false";
        return;
      case JsonKind::kInteger:
        WriteInteger(value);
        return;
      case JsonKind::kDouble:
        fmt::format_to(std::back_inserter(out_), "{:.17g}", *value.AsDouble());
        return;
      case JsonKind::kString:
        WriteString(*value.AsString());
        return;
      case JsonKind::kList:
        WriteList(*value.AsList());
        return;
      case JsonKind::kDict:
        WriteDict(*value.AsDict());
        return;
    }
  }

  std::string Take() { return std::move(out_); }

 private:
  void WriteInteger(const JsonValue& value) {
    const std::optional<std::int64_t> small = value.AsInt64();
    if (small) {
      out_ += std::to_string(*small);
    } else {
      out_ += std::to_string(*value.AsUint64());
    }
  }

  void WriteList(const JsonList& list) {
    out_ += '[';
    ++level_;
    bool first = true;
    for (const JsonValue& value : list) {
      Separate(first);
      Write(value);
      first = false;
    }
    Close(']', first);
  }

  void WriteDict(const JsonDict& dict) {
    out_ += '{';
    ++level_;
    bool first = true;
    for (const JsonMember& member : dict) {
      Separate(first);
      WriteString(member.key);
      out_ += ": ";
      Write(member.value);
      first = false;
    }
    Close('}', first);
  }

  void Separate(bool first) {
    if (!first) {
      out_ += line_end_.empty() ? ", " : ",";
    }
    BreakLine();
  }

  void Close(char bracket, bool empty) {
    --level_;
    if (!empty) {
      BreakLine();
    }
    out_ += bracket;
  }

  void BreakLine() {
    if (!line_end_.empty()) {
      const int levels = std::min(level_, kIndentedLevels);
      out_ += line_end_;
      out_.append(static_cast<std::size_t>(levels * kColumnsPerLevel), ' ');
    }
  }

  void WriteString(std::string_view text) {
    out_ += '"';
    for (std::size_t at = 0; at < text.size();) {
      WriteCharacter(DecodeUtf8(text, at).value_or(kReplacement));
    }
    out_ += '"';
  }

  void WriteCharacter(std::uint32_t c) {
    static constexpr std::string_view kSpecial = "\"\\\b\f\n\r\t";
    static constexpr std::string_view kLetters = "\"\\bfnrt";
    const std::size_t special =
        c < 0x80 ? kSpecial.find(static_cast<char>(c)) : std::string_view::npos;
    if (special != std::string_view::npos) {
      out_ += '\\';
      out_ += kLetters[special];
    } else if (c >= 0x20 && c < 0x7F) {
      out_ += static_cast<char>(c);
    } else if (c < 0x10000) {
      WriteEscape(c);
    } else {
      WriteEscape(0xD800U + ((c - 0x10000U) >> 10U));
      WriteEscape(0xDC00U + ((c - 0x10000U) & 0x3FFU));
    }
  }

  void WriteEscape(std::uint32_t unit) {
    fmt::format_to(std::back_inserter(out_), "\\u{:04X}", unit);
  }

  const std::string_view line_end_;
  int level_ = 0;
  std::string out_;
};

std::string Format(const JsonValue& value, std::string_view line_end) {
  Writer writer(line_end);
  writer.Write(value);
  return writer.Take();
}

}  // namespace

std::string FormatJson(const JsonValue& value) { return Format(value, {}); }

std::string FormatJsonPretty(const JsonValue& value, std::string_view line_end) {
  FB_ASSERT(!line_end.empty());
  return Format(value, line_end);
}

}  // namespace fusebay::qapi
