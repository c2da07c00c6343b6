// Backing file names: folders, protocols and json:{} descriptions.
#include "qcow2/qcow2_backing.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

namespace fusebay::qcow2 {

namespace {

using Json = nlohmann::json;

constexpr std::string_view kFilePrefix = "file:";
constexpr std::string_view kJsonPrefix = "json:";

// "nbd" of "nbd://host", nothing of "a/b:c".
std::string_view ProtocolOf(std::string_view name) {
  const std::size_t end = name.find_first_of(":/");
  return end != std::string_view::npos && name[end] == ':' ? name.substr(0, end)
                                                           : std::string_view();
}

// Who refuses, in every message.
struct Context {
  std::string_view image_filename;
  std::string_view name;

  Error Refuse(std::string_view why) const {
    return Error{Errno{EINVAL},
                 fmt::format("{}: backing file '{}': {}", image_filename, name, why)};
  }
};

// {"file.driver": x} means {"file": {"driver": x}}.
std::optional<Json> Unflatten(const Json& flat) {
  Json nested = Json::object();
  for (const auto& [key, value] : flat.items()) {
    Json* at = &nested;
    std::string_view rest = key;
    for (std::size_t dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.')) {
      at = &(*at)[std::string(rest.substr(0, dot))];
      rest.remove_prefix(dot + 1);
      if (!at->is_object() && !at->is_null()) {
        return std::nullopt;
      }
    }
    Json& member = (*at)[std::string(rest)];
    if (!member.is_null()) {
      return std::nullopt;
    }
    member = value;
  }
  return nested;
}

// Takes a string member out of `object`; empty: there is none, or it is no string (and stays, to
// be refused with the unknown ones).
std::string TakeText(Json& object, const char* name) {
  const auto it = object.find(name);
  if (it == object.end() || !it->is_string()) {
    return {};
  }
  std::string text = it->get<std::string>();
  object.erase(it);
  return text;
}

Result<Unit, Error> RefuseRest(const Context& context, const Json& object) {
  if (object.empty()) {
    return Unit{};
  }
  return context.Refuse(
      fmt::format("'{}' is not supported in a backing file's name", object.items().begin().key()));
}

Result<BlockdevRef, Error> ParseProtocol(const Context& context, Json object,
                                         std::string& filename) {
  const std::string driver = TakeText(object, "driver");
  if (!driver.empty() && driver != "file" && driver != "host_device") {
    return context.Refuse(fmt::format("Unknown protocol '{}'", driver));
  }
  filename = TakeText(object, "filename");
  if (filename.empty()) {
    return context.Refuse("'filename' is missing");
  }
  FB_TRY(RefuseRest(context, object));
  BlockdevRef file = FileNode(filename);
  if (!driver.empty()) {
    file.definition->driver = driver;
  }
  return file;
}

Result<Unit, Error> TakeRawOptions(const Context& context, Json& object, RawOptions& raw) {
  for (const char* const name : {"offset", "size"}) {
    const auto it = object.find(name);
    if (it == object.end()) {
      continue;
    }
    if (!it->is_number_unsigned()) {
      return context.Refuse(fmt::format("'{}' is no number of bytes", name));
    }
    const auto bytes = it->get<std::uint64_t>();
    if (std::string_view(name) == "size") {
      raw.size = bytes;
    } else {
      raw.offset = bytes;
    }
    object.erase(it);
  }
  return Unit{};
}

Result<Backing, Error> ParseDescription(const Context& context, Json object) {
  Backing backing;
  const std::string driver = TakeText(object, "driver");
  const auto file_member = object.find("file");
  if (file_member == object.end()) {
    // A protocol alone: its format is probed.
    if (!driver.empty()) {
      object["driver"] = driver;
    }
    FB_ASSIGN(BlockdevRef file, ParseProtocol(context, std::move(object), backing.probe_filename));
    backing.options = FormatOn("", std::move(file));
    return backing;
  }
  if (!file_member->is_object()) {
    return context.Refuse("'file' is no object");
  }
  FB_ASSIGN(BlockdevRef file, ParseProtocol(context, *file_member, backing.probe_filename));
  object.erase(file_member);
  if (!driver.empty() && driver != "qcow2" && driver != "raw") {
    return context.Refuse(fmt::format("Unknown driver '{}'", driver));
  }
  backing.options = FormatOn(driver, std::move(file));
  if (driver == "raw") {
    FB_TRY(TakeRawOptions(context, object, std::get<RawOptions>(backing.options.driver_options)));
  }
  if (driver == "qcow2" && object.contains("backing") && object["backing"].is_null()) {
    std::get<Qcow2Options>(backing.options.driver_options).no_backing = true;
    object.erase("backing");
  }
  FB_TRY(RefuseRest(context, object));
  return backing;
}

}  // namespace

std::string FullName(std::string_view image_filename, std::string_view name) {
  if (name.starts_with(kFilePrefix)) {
    name.remove_prefix(kFilePrefix.size());
  } else if (!ProtocolOf(name).empty()) {
    return std::string(name);
  }
  const std::size_t slash = image_filename.rfind('/');
  if (name.starts_with('/') || slash == std::string_view::npos) {
    return std::string(name);
  }
  return fmt::format("{}{}", image_filename.substr(0, slash + 1), name);
}

Result<Backing, Error> ParseBacking(const Header& header, std::string_view image_filename,
                                    std::string_view image_path) {
  const std::string_view name = header.backing_name;
  const Context context{image_filename, name};
  if (name.starts_with(kJsonPrefix)) {
    const Json parsed = Json::parse(name.substr(kJsonPrefix.size()), nullptr, false);
    const std::optional<Json> object = parsed.is_object() ? Unflatten(parsed) : std::nullopt;
    if (!object.has_value()) {
      return context.Refuse("this is no JSON object");
    }
    FB_ASSIGN(Backing backing, ParseDescription(context, *object));
    if (backing.options.driver.empty() && !header.backing_format.empty()) {
      auto& raw = std::get<RawOptions>(backing.options.driver_options);
      backing.options = FormatOn(header.backing_format, std::move(raw.file));
    }
    return backing;
  }
  if (!ProtocolOf(name).empty() && !name.starts_with(kFilePrefix)) {
    return context.Refuse(fmt::format("Unknown protocol '{}'", ProtocolOf(name)));
  }
  const std::string& format = header.backing_format;
  // Some tools write the protocol where the format belongs; they mean the bytes as they are.
  const bool is_protocol = format == "file" || format == "host_device";
  if (!format.empty() && format != "qcow2" && format != "raw" && !is_protocol) {
    return context.Refuse(fmt::format("its format '{}' cannot be read here", format));
  }
  Backing backing;
  backing.probe_filename = FullName(image_path.empty() ? image_filename : image_path, name);
  backing.options = FormatOn(is_protocol ? "raw" : format,
                             FileNode(FullName(image_filename, name), backing.probe_filename));
  return backing;
}

BlockdevRef FileNode(std::string filename, std::string path) {
  BlockdevRef ref;
  ref.definition = std::make_unique<BlockdevOptions>();
  ref.definition->driver = "file";
  ref.definition->read_only = true;
  FileOptions file;
  file.filename = std::move(filename);
  file.path = std::move(path);
  ref.definition->driver_options = std::move(file);
  return ref;
}

// Without a format the file waits in RawOptions for the probe to say.
BlockdevOptions FormatOn(std::string_view format, BlockdevRef file) {
  BlockdevOptions options;
  options.driver = format;
  options.read_only = true;
  if (format == "qcow2") {
    Qcow2Options qcow2;
    qcow2.file = std::move(file);
    options.driver_options = std::move(qcow2);
  } else {
    RawOptions raw;
    raw.file = std::move(file);
    options.driver_options = std::move(raw);
  }
  return options;
}

}  // namespace fusebay::qcow2
