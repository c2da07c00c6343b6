// Puts what is known about nodes and images into the schema's types.
#include "node_info.h"

namespace fusebay {

namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

std::int64_t Signed(std::uint64_t value) { return static_cast<std::int64_t>(value); }

std::optional<std::string> UnlessEmpty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

qapi::SnapshotInfo ToQapi(const SnapshotInfo& snapshot) {
  const auto clock = Signed(snapshot.vm_clock_nsec);
  qapi::SnapshotInfo out{.id = snapshot.id,
                         .name = snapshot.name,
                         .vm_state_size = Signed(snapshot.vm_state_size),
                         .date_sec = snapshot.date_sec,
                         .date_nsec = snapshot.date_nsec,
                         .vm_clock_sec = clock / kNsPerSecond,
                         .vm_clock_nsec = clock % kNsPerSecond};
  if (snapshot.icount >= 0) {
    out.icount = snapshot.icount;
  }
  return out;
}

qapi::Qcow2BitmapInfo ToQapi(const BitmapInfo& bitmap) {
  qapi::Qcow2BitmapInfo out{.name = bitmap.name,
                            .granularity = static_cast<std::uint32_t>(bitmap.granularity)};
  for (const std::string& flag : bitmap.flags) {
    out.flags.push_back(flag == "auto" ? qapi::Qcow2BitmapInfoFlags::kAuto
                                       : qapi::Qcow2BitmapInfoFlags::kInUse);
  }
  return out;
}

// Null: there is no such member, or it is of another type.
template <class T>
const T* Member(const ImageInfo& info, std::string_view name) {
  for (const auto& [key, value] : info.specific) {
    if (key == name) {
      return std::get_if<T>(&value);
    }
  }
  return nullptr;
}

template <class T>
std::optional<T> Optional(const ImageInfo& info, std::string_view name) {
  const T* const value = Member<T>(info, name);
  return value == nullptr ? std::nullopt : std::optional<T>(*value);
}

qapi::ImageInfoSpecific ToQcow2(const ImageInfo& info) {
  qapi::ImageInfoSpecificQCow2 data;
  data.compat = Optional<std::string>(info, "compat").value_or("");
  data.data_file = Optional<std::string>(info, "data-file");
  data.data_file_raw = Optional<bool>(info, "data-file-raw");
  data.extended_l2 = Optional<bool>(info, "extended-l2");
  data.lazy_refcounts = Optional<bool>(info, "lazy-refcounts");
  data.corrupt = Optional<bool>(info, "corrupt");
  data.refcount_bits = Signed(Optional<std::uint64_t>(info, "refcount-bits").value_or(0));
  data.compression_type = Optional<std::string>(info, "compression-type") == "zstd"
                              ? qapi::Qcow2CompressionType::kZstd
                              : qapi::Qcow2CompressionType::kZlib;
  if (!info.bitmaps.empty()) {
    data.bitmaps.emplace();
    for (const BitmapInfo& bitmap : info.bitmaps) {
      data.bitmaps->push_back(ToQapi(bitmap));
    }
  }
  return {.type = qapi::ImageInfoSpecificKind::kQcow2,
          .u = qapi::ImageInfoSpecificQCow2Wrapper{std::move(data)}};
}

// The first image with the rest as its backing images.
qapi::ImageInfo ToChain(const ImageInfo& top, std::span<const ImageInfo> below) {
  qapi::ImageInfo image = ToQapi(top);
  if (!below.empty()) {
    image.backing_image = qapi::Box<qapi::ImageInfo>(ToChain(below.front(), below.subspan(1)));
  }
  return image;
}

qapi::BlockdevDetectZeroesOptions ToQapi(DetectZeroes detect) {
  switch (detect) {
    case DetectZeroes::kOff:
      return qapi::BlockdevDetectZeroesOptions::kOff;
    case DetectZeroes::kOn:
      return qapi::BlockdevDetectZeroesOptions::kOn;
    case DetectZeroes::kUnmap:
      return qapi::BlockdevDetectZeroesOptions::kUnmap;
  }
  FB_ASSERT(false);
}

}  // namespace

qapi::ImageInfo ToQapi(const ImageInfo& info) {
  qapi::ImageInfo out;
  out.filename = info.filename;
  out.format = info.format;
  if (info.format != "null-co" && info.format != "memory") {
    out.dirty_flag = info.dirty;
  }
  if (info.actual_size.has_value()) {
    out.actual_size = Signed(*info.actual_size);
  }
  out.virtual_size = Signed(info.virtual_size);
  if (info.cluster_size != 0) {
    out.cluster_size = info.cluster_size;
  }
  if (info.encrypted) {
    out.encrypted = true;
  }
  if (info.compressed) {
    out.compressed = true;
  }
  out.backing_filename = UnlessEmpty(info.backing_filename);
  out.full_backing_filename = UnlessEmpty(info.full_backing_filename);
  out.backing_filename_format = UnlessEmpty(info.backing_format);
  if (!info.snapshots.empty()) {
    out.snapshots.emplace();
    for (const SnapshotInfo& snapshot : info.snapshots) {
      out.snapshots->push_back(ToQapi(snapshot));
    }
  }
  if (info.format == "qcow2") {
    out.format_specific = ToQcow2(info);
  }
  return out;
}

qapi::BlockDeviceInfo ToQapi(const NodeInfo& node, bool flat) {
  qapi::BlockDeviceInfo out;
  out.file = node.file;
  out.node_name = node.node_name;
  out.ro = node.read_only;
  out.drv = node.driver;
  out.backing_file = UnlessEmpty(node.backing_file);
  out.backing_file_depth = flat ? 0 : node.backing_depth;
  out.encrypted = node.encrypted;
  out.detect_zeroes = ToQapi(node.detect_zeroes);
  out.image = ToChain(node.image, flat ? std::span<const ImageInfo>() : node.chain);
  out.cache = {.writeback = true, .direct = node.cache.direct, .no_flush = node.cache.no_flush};
  out.write_threshold = static_cast<std::int64_t>(node.write_threshold);
  return out;
}

}  // namespace fusebay
