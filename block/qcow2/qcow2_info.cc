// Describes an image in the words of `qemu-img info --output=json`.
#include "qcow2/qcow2_image.h"

namespace fusebay::qcow2 {

ImageInfo Describe(const Image& image, bool found_corruption) {
  const Header& header = image.header;
  ImageInfo info;
  info.filename = image.filename;
  info.path = image.path;
  info.format = "qcow2";
  info.virtual_size = image.virtual_size;
  info.cluster_size = header.cluster_size();
  info.dirty = header.dirty();
  info.backing_filename = header.backing_name;
  info.full_backing_filename = image.full_backing_name;
  info.backing_format = header.backing_format;
  for (const Snapshot& snapshot : image.snapshots) {
    info.snapshots.push_back(snapshot.info);
  }
  info.bitmaps = image.bitmaps;

  const auto add = [&info](const char* name, ImageInfo::Value value) {
    info.specific.emplace_back(name, std::move(value));
  };
  add("compat", std::string(header.version == 2 ? "0.10" : "1.1"));
  add("compression-type", std::string(header.compression == Compression::kZstd ? "zstd" : "zlib"));
  if (header.version >= 3) {
    add("lazy-refcounts", (header.compatible & kCompatibleLazyRefcounts) != 0);
  }
  add("refcount-bits", std::uint64_t{1} << header.refcount_order);
  if (header.version >= 3) {
    if (header.has_data_file()) {
      if (!header.data_file_name.empty()) {
        add("data-file", header.data_file_name);
      }
      add("data-file-raw", (header.autoclear & kAutoclearDataFileRaw) != 0);
    }
    add("corrupt", header.corrupt() || found_corruption);
    add("extended-l2", header.extended_l2());
  }
  return info;
}

}  // namespace fusebay::qcow2
