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

  std::string filename;  // as the user gave it; of a node without a file: the node's name
  // The absolute path that filename meant when the file was opened, whatever folder the process is
  // in now; not without symbolic links. Empty: a node without a file.
  std::string path;
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

// How an image at the absolute `image_path` names another file for good: by an absolute name that
// the user gave, by its bare name in the same folder, else by its path. What is no file: by its
// name.
std::string NameInImage(const std::string& image_path, const ImageInfo& file);

}  // namespace fusebay
