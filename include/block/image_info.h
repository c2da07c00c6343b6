// ImageInfo: what is known about an image, for `fusebay info` and the monitor. The words are those
// of `qemu-img info --output=json`.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace fusebay {

struct SnapshotInfo {
  std::string id;
  std::string name;
  std::uint64_t vm_state_size = 0;
  std::uint64_t virtual_size = 0;  // of the disk at that time
  std::uint32_t date_sec = 0;
  std::uint32_t date_nsec = 0;
  std::uint64_t vm_clock_nsec = 0;
  std::int64_t icount = -1;  // -1: none
};

struct BitmapInfo {
  std::string name;
  std::uint64_t granularity = 0;   // bytes of the disk per bit
  std::vector<std::string> flags;  // "in-use", "auto"
};

struct ImageInfo {
  using Value = std::variant<bool, std::uint64_t, std::string, std::vector<std::string>>;

  std::string filename;
  std::string format;
  std::uint64_t virtual_size = 0;
  std::optional<std::uint64_t> actual_size;
  std::uint32_t cluster_size = 0;  // 0: none
  bool encrypted = false;
  bool compressed = false;
  bool dirty = false;
  std::string backing_filename;       // as the image names it
  std::string full_backing_filename;  // as it is found from here
  std::string backing_format;
  std::vector<SnapshotInfo> snapshots;
  std::vector<BitmapInfo> bitmaps;  // persistent ones; in JSON a member of format-specific.data
  // Members of format-specific.data, in order: "compat", "compression-type", "lazy-refcounts", ...
  std::vector<std::pair<std::string, Value>> specific;
};

}  // namespace fusebay
