// Renders what `fusebay info` shows.
#include "info_render.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <nlohmann/json.hpp>

#include "paths.h"
#include "values.h"

namespace fusebay {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

Json SnapshotToJson(const SnapshotInfo& snapshot) {
  Json json = {{"id", snapshot.id},
               {"name", snapshot.name},
               {"vm-state-size", snapshot.vm_state_size},
               {"date-sec", snapshot.date_sec},
               {"date-nsec", snapshot.date_nsec},
               {"vm-clock-sec", snapshot.vm_clock_nsec / kNsPerSecond},
               {"vm-clock-nsec", snapshot.vm_clock_nsec % kNsPerSecond}};
  if (snapshot.icount >= 0) {
    json["icount"] = snapshot.icount;
  }
  return json;
}

Json BitmapToJson(const BitmapInfo& bitmap) {
  return {{"flags", bitmap.flags}, {"name", bitmap.name}, {"granularity", bitmap.granularity}};
}

Json SpecificToJson(const ImageInfo& info) {
  Json data = Json::object();
  for (const auto& [name, value] : info.specific) {
    data[name] = std::visit([](const auto& v) { return Json(v); }, value);
  }
  for (const BitmapInfo& bitmap : info.bitmaps) {
    data["bitmaps"].push_back(BitmapToJson(bitmap));
  }
  return data;
}

Json ToJson(const ImageInfo& info) {
  Json json = {{"virtual-size", info.virtual_size},
               {"filename", info.filename},
               {"format", info.format},
               {"dirty-flag", info.dirty}};
  if (info.actual_size.has_value()) {
    json["actual-size"] = *info.actual_size;
  }
  if (info.cluster_size != 0) {
    json["cluster-size"] = info.cluster_size;
  }
  if (info.encrypted) {
    json["encrypted"] = true;
  }
  if (info.compressed) {
    json["compressed"] = true;
  }
  if (!info.backing_filename.empty()) {
    json["backing-filename"] = info.backing_filename;
    json["full-backing-filename"] = info.full_backing_filename;
  }
  if (!info.backing_format.empty()) {
    json["backing-filename-format"] = info.backing_format;
  }
  for (const SnapshotInfo& snapshot : info.snapshots) {
    json["snapshots"].push_back(SnapshotToJson(snapshot));
  }
  if (!info.specific.empty() || !info.bitmaps.empty()) {
    json["format-specific"] = {{"type", info.format}, {"data", SpecificToJson(info)}};
  }
  return json;
}

std::string LocalTime(std::uint32_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  std::array<char, 32> text{};
  if (::localtime_r(&time, &parts) == nullptr ||
      std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts) == 0) {
    return std::to_string(seconds);
  }
  return text.data();
}

std::string VmClock(std::uint64_t nanoseconds) {
  const std::uint64_t seconds = nanoseconds / kNsPerSecond;
  return fmt::format("{:02}:{:02}:{:02}.{:03}", seconds / 3600, seconds / 60 % 60, seconds % 60,
                     nanoseconds % kNsPerSecond / 1'000'000);
}

std::string SnapshotsToText(const ImageInfo& info) {
  std::string text = fmt::format("Snapshot list:\n{:<10}{:<17}{:>8}{:>20}{:>13}{:>11}\n", "ID",
                                 "TAG", "VM SIZE", "DATE", "VM CLOCK", "ICOUNT");
  for (const SnapshotInfo& snapshot : info.snapshots) {
    text += fmt::format("{:<9} {:<16} {:>8}{:>20}{:>13}{:>11}\n", PrintablePath(snapshot.id),
                        PrintablePath(snapshot.name), HumanSize(snapshot.vm_state_size),
                        LocalTime(snapshot.date_sec), VmClock(snapshot.vm_clock_nsec),
                        snapshot.icount < 0 ? std::string() : std::to_string(snapshot.icount));
  }
  return text;
}

std::string ValueToText(const ImageInfo::Value& value) {
  if (const bool* const flag = std::get_if<bool>(&value)) {
    return *flag ? "true" : "false";
  }
  if (const std::uint64_t* const number = std::get_if<std::uint64_t>(&value)) {
    return std::to_string(*number);
  }
  if (const std::string* const name = std::get_if<std::string>(&value)) {
    return PrintablePath(*name);
  }
  return PrintablePath(
      fmt::format("{}", fmt::join(std::get<std::vector<std::string>>(value), ", ")));
}

std::string BitmapsToText(const ImageInfo& info) {
  std::string text = "    bitmaps:\n";
  for (std::size_t i = 0; i < info.bitmaps.size(); ++i) {
    const BitmapInfo& bitmap = info.bitmaps[i];
    text += fmt::format("        [{}]:\n            flags:\n", i);
    for (std::size_t flag = 0; flag < bitmap.flags.size(); ++flag) {
      text += fmt::format("                [{}]: {}\n", flag, bitmap.flags[flag]);
    }
    text += fmt::format("            name: {}\n            granularity: {}\n",
                        PrintablePath(bitmap.name), bitmap.granularity);
  }
  return text;
}

std::string SpecificToText(const ImageInfo& info) {
  std::string text = "Format specific information:\n";
  for (const auto& [name, value] : info.specific) {
    std::string words = name;
    std::replace(words.begin(), words.end(), '-', ' ');
    text += fmt::format("    {}: {}\n", words, ValueToText(value));
  }
  return info.bitmaps.empty() ? text : text + BitmapsToText(info);
}

std::string BackingToText(const ImageInfo& info) {
  std::string text = fmt::format("backing file: {}", PrintablePath(info.backing_filename));
  if (info.full_backing_filename != info.backing_filename) {
    text += fmt::format(" (actual path: {})", PrintablePath(info.full_backing_filename));
  }
  text += "\n";
  if (!info.backing_format.empty()) {
    text += fmt::format("backing file format: {}\n", PrintablePath(info.backing_format));
  }
  return text;
}

std::string ToText(const ImageInfo& info) {
  std::string text = fmt::format("image: {}\nfile format: {}\nvirtual size: {} ({} bytes)\n",
                                 PrintablePath(info.filename), info.format,
                                 HumanSize(info.virtual_size), info.virtual_size);
  text += fmt::format("disk size: {}\n", info.actual_size.has_value() ? HumanSize(*info.actual_size)
                                                                      : std::string("unavailable"));
  if (info.encrypted) {
    text += "encrypted: yes\n";
  }
  if (info.cluster_size != 0) {
    text += fmt::format("cluster_size: {}\n", info.cluster_size);
  }
  if (info.dirty) {
    text += "cleanly shut down: no\n";
  }
  if (!info.backing_filename.empty()) {
    text += BackingToText(info);
  }
  if (!info.snapshots.empty()) {
    text += SnapshotsToText(info);
  }
  if (!info.specific.empty() || !info.bitmaps.empty()) {
    text += SpecificToText(info);
  }
  return text;
}

}  // namespace

std::string RenderInfoJson(std::span<const ImageInfo> images, bool chain) {
  FB_ASSERT(chain || images.size() == 1);
  Json json = Json::array();
  for (const ImageInfo& info : images) {
    json.push_back(ToJson(info));
  }
  const Json& shown = chain ? json : json.front();
  return shown.dump(4, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string RenderInfoText(std::span<const ImageInfo> images) {
  std::string text;
  for (const ImageInfo& info : images) {
    text += (text.empty() ? "" : "\n") + ToText(info);
  }
  return text;
}

}  // namespace fusebay
