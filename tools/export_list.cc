// Joins and renders the list of exports.
#include "export_list.h"

#include <fmt/format.h>
#include <pwd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "paths.h"
#include "values.h"

namespace fusebay {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kColumns = 8;
using Line = std::array<std::string, kColumns>;

bool Owns(const ExportRecord& record, const fuse::MountEntry& entry) {
  return std::any_of(record.mounts.begin(), record.mounts.end(),
                     [&entry](const ExportRecord::Mount& mount) { return mount.Is(entry); });
}

// A living process first: the kernel may have given a dead one's device number away again, so that
// its mountpoint must be right as well.
const ExportRecord* FindRecord(const std::vector<ExportRecord>& records,
                               const fuse::MountEntry& entry) {
  const ExportRecord* dead = nullptr;
  for (const ExportRecord& record : records) {
    if (!Owns(record, entry)) {
      continue;
    }
    if (IsAlive(record)) {
      return &record;
    }
    if (record.Was(entry)) {
      dead = &record;
    }
  }
  return dead;
}

// "user_id=1000" among the options of a FUSE file system: who mounted it.
uid_t OwnerOf(std::string_view super_options) {
  constexpr std::string_view kName = "user_id=";
  std::size_t position = super_options.find(kName);
  while (position != std::string_view::npos && position > 0 && super_options[position - 1] != ',') {
    position = super_options.find(kName, position + 1);
  }
  uid_t uid = 0;
  if (position != std::string_view::npos) {
    const char* const begin = super_options.data() + position + kName.size();
    std::from_chars(begin, super_options.data() + super_options.size(), uid);
  }
  return uid;
}

// The name of a user, or the number of one without a name.
std::string UserName(uid_t uid) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> buffer{};
  const int error = ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  return error == 0 && found != nullptr ? std::string(entry.pw_name) : std::to_string(uid);
}

std::string_view StateName(ExportState state) {
  switch (state) {
    case ExportState::kServed:
      return "served";
    case ExportState::kDead:
      return "dead";
    case ExportState::kUnknown:
      break;
  }
  return "unknown";
}

Json ToJson(const ListedExport& item) {
  Json json = {{"mountpoint", item.mount.mountpoint},
               {"image", item.image},
               {"state", StateName(item.state)},
               {"writable", item.writable},
               {"uid", item.owner}};
  if (item.record.has_value()) {
    json["pid"] = item.record->pid;
    if (!item.record->export_id.empty()) {
      json["export-id"] = item.record->export_id;
    }
    json["format"] = item.record->format;
    json["node-name"] = item.record->node_name;
    json["growable"] = item.record->growable;
    json["cache"] = item.record->cache;
    json["started"] = item.record->started;
  }
  if (item.size.has_value()) {
    json["size"] = *item.size;
  }
  return json;
}

Line ToLine(const ListedExport& item) {
  const std::string unknown = "-";
  return {PrintablePath(item.mount.mountpoint),
          item.record.has_value() && !item.record->format.empty() ? item.record->format : unknown,
          item.writable ? "rw" : "ro",
          item.size.has_value() ? HumanSize(*item.size) : unknown,
          UserName(item.owner),
          item.record.has_value() ? std::to_string(item.record->pid) : unknown,
          std::string(StateName(item.state)),
          PrintablePath(item.image)};
}

}  // namespace

std::vector<ListedExport> JoinExports(const std::vector<fuse::MountEntry>& table,
                                      const std::vector<ExportRecord>& records) {
  std::vector<ListedExport> exports;
  for (const fuse::MountEntry& entry : fuse::FindMountsOfType(table)) {
    ListedExport& item = exports.emplace_back();
    item.mount = entry;
    item.image = entry.source;
    item.writable = fuse::HasMountOption(entry.options, "rw") &&
                    !fuse::HasMountOption(entry.super_options, "ro");
    item.owner = OwnerOf(entry.super_options);
    const ExportRecord* const record = FindRecord(records, entry);
    if (record != nullptr) {
      item.record = *record;
      item.image = record->image;
      item.size = record->size;
      item.state = IsAlive(*record) ? ExportState::kServed : ExportState::kDead;
    }
  }
  return exports;
}

std::string RenderExportsJson(const std::vector<ListedExport>& exports) {
  Json json = Json::array();
  for (const ListedExport& item : exports) {
    json.push_back(ToJson(item));
  }
  return json.dump(4, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string RenderExportsText(const std::vector<ListedExport>& exports) {
  if (exports.empty()) {
    return {};
  }
  std::vector<Line> lines = {
      {"MOUNTPOINT", "FORMAT", "MODE", "SIZE", "USER", "PID", "STATE", "IMAGE"}};
  for (const ListedExport& item : exports) {
    lines.push_back(ToLine(item));
  }
  Line::size_type column = 0;
  std::array<std::size_t, kColumns> widths{};
  for (const Line& line : lines) {
    for (column = 0; column < kColumns; ++column) {
      widths[column] = std::max(widths[column], line[column].size());
    }
  }
  std::string text;
  for (const Line& line : lines) {
    for (column = 0; column + 1 < kColumns; ++column) {
      text += fmt::format("{:<{}}  ", line[column], widths[column]);
    }
    text += line.back() + "\n";
  }
  return text;
}

}  // namespace fusebay
