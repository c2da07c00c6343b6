// ExportRecord as JSON, and the identity of a process.
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "runtime.h"

namespace fusebay {

namespace {

using Json = nlohmann::ordered_json;

// Typed access that never throws: a member that is missing or of another type keeps the default.
template <class T>
void Get(const Json& json, const char* name, T& value) {
  const auto member = json.find(name);
  if (member == json.end()) {
    return;
  }
  if constexpr (std::is_same_v<T, std::string>) {
    if (member->is_string()) {
      value = member->template get<std::string>();
    }
  } else if constexpr (std::is_same_v<T, bool>) {
    if (member->is_boolean()) {
      value = member->template get<bool>();
    }
  } else if (member->is_number_integer()) {
    value = member->template get<T>();
  }
}

}  // namespace

std::string_view NameOf(ExportCache cache) {
  switch (cache) {
    case ExportCache::kNone:
      return "none";
    case ExportCache::kWriteback:
      return "writeback";
    case ExportCache::kAuto:
      break;
  }
  return "auto";
}

std::string RecordToJson(const ExportRecord& record) {
  Json mounts = Json::array();
  for (const ExportRecord::Mount& mount : record.mounts) {
    mounts.push_back({{"mountpoint", mount.mountpoint},
                      {"device-major", mount.device_major},
                      {"device-minor", mount.device_minor}});
  }
  const Json json = {{"pid", record.pid},
                     {"start-time", record.start_time},
                     {"export-id", record.export_id},
                     {"image", record.image},
                     {"format", record.format},
                     {"node-name", record.node_name},
                     {"mounts", mounts},
                     {"writable", record.writable},
                     {"growable", record.growable},
                     {"cache", record.cache},
                     {"size", record.size},
                     {"started", record.started}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<ExportRecord, Error> RecordFromJson(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) {
    return Error{Errno(EINVAL), "the record is no JSON object"};
  }
  ExportRecord record;
  Get(json, "pid", record.pid);
  Get(json, "start-time", record.start_time);
  Get(json, "export-id", record.export_id);
  Get(json, "image", record.image);
  Get(json, "format", record.format);
  Get(json, "node-name", record.node_name);
  Get(json, "writable", record.writable);
  Get(json, "growable", record.growable);
  Get(json, "cache", record.cache);
  Get(json, "size", record.size);
  Get(json, "started", record.started);
  const auto mounts = json.find("mounts");
  if (mounts != json.end() && mounts->is_array()) {
    for (const Json& item : *mounts) {
      if (item.is_object()) {
        ExportRecord::Mount& mount = record.mounts.emplace_back();
        Get(item, "mountpoint", mount.mountpoint);
        Get(item, "device-major", mount.device_major);
        Get(item, "device-minor", mount.device_minor);
      }
    }
  }
  if (record.pid <= 0 || record.start_time == 0) {
    return Error{Errno(EINVAL), "the record names no process"};
  }
  return record;
}

std::optional<std::uint64_t> ProcessStartTime(pid_t pid) {
  const UniqueFd fd(::open(fmt::format("/proc/{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    return std::nullopt;
  }
  std::array<char, 4096> buffer{};
  const ssize_t length = ::read(fd.get(), buffer.data(), buffer.size());
  const std::string_view text(buffer.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  // The second field is the name in parentheses, which may itself hold blanks and parentheses; the
  // start time is the 22nd (proc(5)), so the 20th after the name.
  std::size_t position = text.rfind(')');
  const std::string_view state = position == std::string_view::npos ? "" : text.substr(position, 3);
  if (state == ") Z" || state == ") X") {
    return std::nullopt;
  }
  for (int field = 0; field < 20 && position != std::string_view::npos; ++field) {
    position = text.find(' ', position + 1);
  }
  if (position == std::string_view::npos) {
    return std::nullopt;
  }
  std::uint64_t start = 0;
  const auto parsed = std::from_chars(text.data() + position + 1, text.data() + text.size(), start);
  return parsed.ec == std::errc() ? std::optional(start) : std::nullopt;
}

bool ExportRecord::Was(const fuse::MountEntry& entry) const {
  return std::any_of(mounts.begin(), mounts.end(), [&entry](const Mount& mount) {
    return mount.Is(entry) && mount.mountpoint == entry.mountpoint;
  });
}

bool IsAlive(const ExportRecord& record) {
  return ProcessStartTime(record.pid) == record.start_time;
}

}  // namespace fusebay
