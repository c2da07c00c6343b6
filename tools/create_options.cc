// The table of options of new images, their parsing and showing.
#include "create_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <vector>

#include "base/align.h"
#include "values.h"

namespace fusebay {

namespace {

constexpr std::uint64_t kSector = 512;

enum class Kind : std::uint8_t { kText, kSize, kNumber, kSwitch };

struct Row {
  std::string_view name;
  Kind kind;
  std::string_view shown_default;  // empty: shown only if given
  std::string_view help;
};

// Of the file, whatever its format.
constexpr Row kNocow{"nocow", Kind::kSwitch, "", "Do not copy the file on write (btrfs)"};
constexpr Row kExtentSizeHint{"extent_size_hint", Kind::kSize, "",
                              "Bytes that the file grows by at least (1M)"};

// In the order in which they are shown.
constexpr std::array kQcow2Rows = {
    Row{"cluster_size", Kind::kSize, "65536", "Bytes of a cluster, 512 to 2M"},
    Row{"extended_l2", Kind::kSwitch, "off", "Allocate parts of clusters (subclusters)"},
    Row{"preallocation", Kind::kText, "", "off, metadata, falloc or full"},
    Row{"compression_type", Kind::kText, "zlib", "zlib or zstd, of compressed clusters"},
    Row{"size", Kind::kSize, "", "Size of the disk"},
    Row{"compat", Kind::kText, "", "Version of the format: v2 (0.10) or v3 (1.1)"},
    Row{"backing_file", Kind::kText, "", "Image with what this one does not have"},
    Row{"backing_fmt", Kind::kText, "", "Format of the backing file: raw or qcow2"},
    Row{"data_file", Kind::kText, "", "File that the disk's data is to be in"},
    Row{"data_file_raw", Kind::kSwitch, "", "Keep the data file a raw image of the disk"},
    Row{"lazy_refcounts", Kind::kSwitch, "off", "Write reference counts late"},
    Row{"refcount_bits", Kind::kNumber, "16", "Bits of a reference count, 1 to 64"},
    kNocow,
    kExtentSizeHint,
};

constexpr std::array kRawRows = {
    Row{"size", Kind::kSize, "", "Size of the disk"},
    Row{"preallocation", Kind::kText, "", "off, falloc or full"},
    kNocow,
    kExtentSizeHint,
};

Error Refuse(std::string message) { return Error{Errno(EINVAL), std::move(message)}; }

std::span<const Row> RowsOf(std::string_view format) {
  return format == "raw" ? std::span<const Row>(kRawRows) : kQcow2Rows;
}

// "a,,b,c" is "a,b" and "c".
std::vector<std::string> SplitAtCommas(std::string_view list) {
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] != ',') {
      parts.back() += list[i];
    } else if (i + 1 < list.size() && list[i + 1] == ',') {
      parts.back() += ',';
      ++i;
    } else {
      parts.emplace_back();
    }
  }
  return parts;
}

Result<std::string, Error> ShownSize(const Row& row, const std::string& value) {
  const Result<std::uint64_t> size = ParseImageSize(value);
  if (size.ok()) {
    return fmt::format("{}", *size);
  }
  if (size.error() == Errno{ERANGE}) {
    return Refuse(fmt::format("Value '{}' is out of range for parameter '{}'", value, row.name));
  }
  return Refuse(
      fmt::format("Parameter '{}' expects a non-negative number below 2^64. Optional suffix k, M, "
                  "G, T, P or E means kilo-, mega-, giga-, tera-, peta- and exabytes, "
                  "respectively.",
                  row.name));
}

// The value as it is shown, if it is one.
Result<std::string, Error> Shown(const Row& row, const std::string& value) {
  switch (row.kind) {
    case Kind::kText:
      return value;
    case Kind::kSize:
      return ShownSize(row, value);
    case Kind::kSwitch:
      if (value != "on" && value != "off") {
        return Refuse(fmt::format("Parameter '{}' expects 'on' or 'off'", row.name));
      }
      return value;
    case Kind::kNumber: {
      std::uint64_t number = 0;
      const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), number);
      if (code != std::errc() || end != value.data() + value.size()) {
        return Refuse(fmt::format("Parameter '{}' expects a number", row.name));
      }
      return fmt::format("{}", number);
    }
  }
  return value;
}

Result<Unit, Error> ApplyOne(std::string_view format, const std::string& part,
                             CreateValues& values) {
  const std::size_t equals = part.find('=');
  const std::string_view name = std::string_view(part).substr(0, equals);
  const std::string value = equals == std::string::npos ? "on" : part.substr(equals + 1);
  if (name == "encryption" || name.starts_with("encrypt.")) {
    return Refuse(
        fmt::format("Parameter '{}' is not supported: encrypted images cannot be made", name));
  }
  const std::span<const Row> rows = RowsOf(format);
  const auto row =
      std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return r.name == name; });
  if (row == rows.end()) {
    return Refuse(fmt::format("Invalid parameter '{}'", name));
  }
  FB_ASSIGN(std::string shown, Shown(*row, value));
  values.insert_or_assign(std::string(name), std::move(shown));
  return Unit{};
}

// The value that was given, or nothing.
std::string ValueOr(const CreateValues& values, std::string_view name, std::string_view otherwise) {
  const auto it = values.find(name);
  return it == values.end() ? std::string(otherwise) : it->second;
}

std::string ValueOf(const CreateValues& values, std::string_view name) {
  return ValueOr(values, name, "");
}

// What Shown has let through.
std::uint64_t NumberOf(const CreateValues& values, std::string_view name, std::uint64_t otherwise) {
  const std::string text = ValueOf(values, name);
  std::uint64_t number = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

bool IsOn(const CreateValues& values, std::string_view name) {
  return ValueOf(values, name) == "on";
}

Error NotAccepted(std::string_view name, std::string_view value) {
  return Refuse(fmt::format("Parameter '{}' does not accept value '{}'", name, value));
}

std::string_view TypeName(Kind kind) {
  switch (kind) {
    case Kind::kText:
      return "str";
    case Kind::kSize:
      return "size";
    case Kind::kNumber:
      return "num";
    case Kind::kSwitch:
      return "bool (on/off)";
  }
  return "";
}

}  // namespace

Result<Unit, Error> ApplyCreateList(std::string_view format, std::string_view list,
                                    CreateValues& values) {
  for (const std::string& part : SplitAtCommas(list)) {
    FB_TRY(ApplyOne(format, part, values));
  }
  return Unit{};
}

bool AsksForHelp(std::string_view list) {
  const std::vector<std::string> parts = SplitAtCommas(list);
  return std::any_of(parts.begin(), parts.end(),
                     [](const std::string& part) { return part == "help" || part == "?"; });
}

std::string CreateOptionsHelp(std::string_view format) {
  const std::span<const Row> shown = RowsOf(format);
  std::vector<Row> rows(shown.begin(), shown.end());
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.name < b.name; });
  std::string text = fmt::format("Supported {} options:\n", format);
  for (const Row& row : rows) {
    text += fmt::format("  {:<22} - {}\n", fmt::format("{}=<{}>", row.name, TypeName(row.kind)),
                        row.help);
  }
  return text;
}

std::string FormattingLine(std::string_view filename, std::string_view format,
                           const CreateValues& values) {
  std::string line = fmt::format("Formatting '{}', fmt={}", filename, format);
  for (const Row& row : RowsOf(format)) {
    if (!values.contains(row.name) && row.shown_default.empty()) {
      continue;
    }
    line += fmt::format(" {}=", row.name);
    for (const char c : ValueOr(values, row.name, row.shown_default)) {
      line.append(c == ',' ? 2 : 1, c);
    }
  }
  return line + "\n";
}

Result<Prealloc, Error> PreallocOf(const CreateValues& values) {
  const std::string mode = ValueOr(values, "preallocation", "off");
  if (mode == "off") {
    return Prealloc::kOff;
  }
  if (mode == "metadata") {
    return Prealloc::kMetadata;
  }
  if (mode == "falloc") {
    return Prealloc::kFalloc;
  }
  if (mode == "full") {
    return Prealloc::kFull;
  }
  return NotAccepted("preallocation", mode);
}

FileHints HintsOf(const CreateValues& values) {
  FileHints hints;
  hints.no_copy_on_write = IsOn(values, "nocow");
  if (values.contains("extent_size_hint")) {
    hints.extent_size = NumberOf(values, "extent_size_hint", 0);
  }
  return hints;
}

std::uint64_t SizeOf(const CreateValues& values) {
  const std::uint64_t size = NumberOf(values, "size", 0);
  return size > BlockNode::kMaxSize ? BlockNode::kMaxSize : AlignUp(size, kSector);
}

Result<Qcow2CreateOptions, Error> Qcow2OptionsOf(const CreateValues& values) {
  Qcow2CreateOptions options;
  options.size = SizeOf(values);
  const std::string compat = ValueOr(values, "compat", "v3");
  if (compat == "v2" || compat == "0.10") {
    options.version = 2;
  } else if (compat != "v3" && compat != "1.1") {
    return NotAccepted("version", compat);
  }
  options.backing_file = ValueOf(values, "backing_file");
  options.backing_format = ValueOf(values, "backing_fmt");
  if (!options.backing_format.empty() && options.backing_format != "raw" &&
      options.backing_format != "qcow2") {
    return NotAccepted("backing-fmt", options.backing_format);
  }
  options.cluster_size = NumberOf(values, "cluster_size", options.cluster_size);
  FB_ASSIGN(options.preallocation, PreallocOf(values));
  options.lazy_refcounts = IsOn(values, "lazy_refcounts");
  options.refcount_bits = NumberOf(values, "refcount_bits", options.refcount_bits);
  options.extended_l2 = IsOn(values, "extended_l2");
  const std::string compression = ValueOr(values, "compression_type", "zlib");
  if (compression == "zstd") {
    options.compression = Qcow2Compression::kZstd;
  } else if (compression != "zlib") {
    return NotAccepted("compression-type", compression);
  }
  options.data_file = ValueOf(values, "data_file");
  if (values.contains("data_file") && options.data_file.empty()) {
    return Error{Errno{ENOENT}, "Could not create '': No such file or directory"};
  }
  options.data_file_raw = IsOn(values, "data_file_raw");
  return options;
}

}  // namespace fusebay
