// Parses the qcow2 header and its extensions and refuses what is out of bounds.
#include "qcow2/qcow2_header.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/align.h"
#include "block/block_node.h"

namespace fusebay::qcow2 {

namespace {

constexpr std::uint32_t kCryptNone = 0;
constexpr std::uint32_t kCryptAes = 1;
constexpr std::uint32_t kCryptLuks = 2;

struct Extension {
  std::uint32_t type = 0;
  ByteSpan data;
};

// Where the bytes come from and whose they are.
struct Input {
  ByteSpan bytes;
  std::uint64_t file_size = 0;
  std::string_view filename;
  HeaderUse use = HeaderUse::kOpen;

  std::uint32_t U32(std::size_t at) const { return LoadBe<std::uint32_t>(bytes.data() + at); }
  std::uint64_t U64(std::size_t at) const { return LoadBe<std::uint64_t>(bytes.data() + at); }
  std::string Text(std::size_t at, std::size_t length) const {
    return {reinterpret_cast<const char*>(bytes.data() + at), length};
  }
  Error Invalid(std::string_view what) const {
    return Error{Errno{EINVAL}, fmt::format("{}: {}", filename, what)};
  }
  Error Unsupported(std::string_view what) const {
    return Error{Errno{ENOTSUP}, fmt::format("{}: {}", filename, what)};
  }
};

using Checked = Result<Unit, Error>;

std::string TextOf(ByteSpan data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

bool HasNul(const std::string& text) { return text.find('\0') != std::string::npos; }

Checked ParseFixed(const Input& in, Header& header) {
  if (in.bytes.size() < kHeaderLengthV2 || in.U32(0) != kMagic) {
    return in.Invalid("Image is not in qcow2 format");
  }
  header.version = in.U32(kAtVersion);
  if (header.version != 2 && header.version != 3) {
    return in.Unsupported(fmt::format("Unsupported qcow2 version {}", header.version));
  }
  header.cluster_bits = in.U32(kAtClusterBits);
  if (header.cluster_bits < kMinClusterBits || header.cluster_bits > kMaxClusterBits) {
    return in.Invalid(fmt::format("Unsupported cluster size: 2^{}", header.cluster_bits));
  }
  header.size = in.U64(kAtSize);
  header.l1_entries = in.U32(kAtL1Entries);
  header.l1_offset = in.U64(kAtL1Offset);
  header.refcount_table_offset = in.U64(kAtRefcountTableOffset);
  header.refcount_table_clusters = in.U32(kAtRefcountTableClusters);
  header.snapshot_count = in.U32(kAtSnapshotCount);
  header.snapshots_offset = in.U64(kAtSnapshotsOffset);
  header.header_length = kHeaderLengthV2;
  return Unit{};
}

Checked ParseVersion3(const Input& in, Header& header) {
  if (in.bytes.size() < kMinHeaderLengthV3) {
    return in.Invalid("qcow2 header too short");
  }
  header.incompatible = in.U64(kAtIncompatible);
  header.compatible = in.U64(kAtCompatible);
  header.autoclear = in.U64(kAtAutoclear);
  header.refcount_order = in.U32(kAtRefcountOrder);
  header.header_length = in.U32(kAtHeaderLength);
  if (header.header_length < kMinHeaderLengthV3) {
    return in.Invalid(fmt::format("qcow2 header too short: {} bytes", header.header_length));
  }
  if (header.header_length > header.cluster_size()) {
    return in.Invalid(
        fmt::format("qcow2 header exceeds cluster size: {} bytes", header.header_length));
  }
  if (!IsAligned(header.header_length, 8)) {
    return in.Invalid(
        fmt::format("qcow2 header length {} is not a multiple of 8", header.header_length));
  }
  if (header.header_length > in.bytes.size()) {
    return in.Invalid("qcow2 header lies beyond the end of the file");
  }
  if (header.header_length > kHeaderLengthV3) {
    const ByteSpan rest = in.bytes.first(header.header_length).subspan(kHeaderLengthV3);
    header.unknown_fields.assign(rest.begin(), rest.end());
  }
  return Unit{};
}

Checked CheckCompression(const Input& in, Header& header) {
  const bool announced = (header.incompatible & kIncompatibleCompression) != 0;
  const std::uint8_t type = header.header_length > kAtCompressionType
                                ? std::to_integer<std::uint8_t>(in.bytes[kAtCompressionType])
                                : std::uint8_t{0};
  if (type > static_cast<std::uint8_t>(Compression::kZstd)) {
    return in.Unsupported(fmt::format("Unknown compression type: {}", type));
  }
  if (announced != (type != 0)) {
    return in.Invalid(fmt::format("Compression type incompatible feature bit must {}be set",
                                  announced ? "not " : ""));
  }
  header.compression = static_cast<Compression>(type);
  return Unit{};
}

Checked ParseFeatureNames(const Input& in, ByteSpan data, Header& header) {
  if (data.size() % kFeatureNameBytes != 0) {
    return in.Invalid(fmt::format("Feature name table has {} bytes, which is no multiple of {}",
                                  data.size(), kFeatureNameBytes));
  }
  header.feature_names.clear();
  for (; !data.empty(); data = data.subspan(kFeatureNameBytes)) {
    FeatureName feature;
    feature.type = static_cast<FeatureType>(data[0]);
    feature.bit = std::to_integer<std::uint8_t>(data[1]);
    feature.name = TextOf(data.subspan(2, kFeatureNameBytes - 2));
    feature.name.resize(std::min(feature.name.find('\0'), feature.name.size()));
    header.feature_names.push_back(std::move(feature));
  }
  return Unit{};
}

Checked ParseBitmaps(const Input& in, ByteSpan data, Header& header) {
  if (data.size() != kBitmapFixedBytes) {
    return in.Invalid(
        fmt::format("Bitmaps extension has {} bytes, expected {}", data.size(), kBitmapFixedBytes));
  }
  // Without its autoclear bit the extension is out of date, as if it were not there.
  if ((header.autoclear & kAutoclearBitmaps) == 0) {
    return Unit{};
  }
  BitmapsExtension bitmaps;
  bitmaps.count = LoadBe<std::uint32_t>(data.data());
  bitmaps.directory_bytes = LoadBe<std::uint64_t>(data.data() + 8);
  bitmaps.directory_offset = LoadBe<std::uint64_t>(data.data() + 16);
  if (LoadBe<std::uint32_t>(data.data() + 4) != 0) {
    return in.Invalid("Bitmaps extension: the reserved field is not zero");
  }
  if (bitmaps.count == 0 || bitmaps.count > kMaxBitmaps) {
    return in.Invalid(fmt::format("Bitmaps extension: {} bitmaps, allowed are 1 to {}",
                                  bitmaps.count, kMaxBitmaps));
  }
  if (bitmaps.directory_bytes > kMaxBitmapDirectoryBytes ||
      bitmaps.directory_bytes < bitmaps.count * kBitmapFixedBytes) {
    return in.Invalid(fmt::format("Bitmaps extension: a directory of {} bytes for {} bitmaps",
                                  bitmaps.directory_bytes, bitmaps.count));
  }
  if (!IsAligned(bitmaps.directory_offset, header.cluster_size()) ||
      bitmaps.directory_offset > in.file_size ||
      bitmaps.directory_bytes > in.file_size - bitmaps.directory_offset) {
    return in.Invalid(
        fmt::format("Bitmap directory at {:#x} is not aligned or lies beyond the end "
                    "of the file",
                    bitmaps.directory_offset));
  }
  header.bitmaps = bitmaps;
  return Unit{};
}

Checked ParseExtension(const Input& in, const Extension& extension, Header& header) {
  switch (extension.type) {
    case kExtensionBackingFormat:
      if (extension.data.size() > kMaxFormatName) {
        return in.Invalid(
            fmt::format("Backing format name too long: {} bytes", extension.data.size()));
      }
      header.backing_format = TextOf(extension.data);
      return Unit{};
    case kExtensionFeatureNames:
      return ParseFeatureNames(in, extension.data, header);
    case kExtensionBitmaps:
      return ParseBitmaps(in, extension.data, header);
    case kExtensionDataFile:
      header.data_file_name = TextOf(extension.data);
      if (HasNul(header.data_file_name)) {
        return in.Invalid("Data file name contains a zero byte");
      }
      return Unit{};
    default: {
      UnknownExtension unknown{extension.type, {}};
      unknown.data.assign(extension.data.begin(), extension.data.end());
      header.unknown_extensions.push_back(std::move(unknown));
      return Unit{};
    }
  }
}

// From the end of the header to the backing file's name, or to the end of the cluster. What the
// file does not have counts as zeroes, which is the end of the list.
Checked ParseExtensions(const Input& in, std::uint64_t end, Header& header) {
  end = std::min<std::uint64_t>(end, in.bytes.size());
  std::uint64_t at = header.header_length;
  while (at < end && end - at >= 8) {
    const Extension head{in.U32(at), {}};
    const std::uint32_t length = in.U32(at + 4);
    if (head.type == kExtensionEnd) {
      break;
    }
    at += 8;
    if (length > end - at) {
      return in.Invalid(fmt::format("Header extension {:#010x} too large: {} bytes at {:#x}",
                                    head.type, length, at));
    }
    FB_TRY(ParseExtension(in, Extension{head.type, in.bytes.subspan(at, length)}, header));
    at += AlignUp(length, 8);
  }
  return Unit{};
}

Checked ParseBackingName(const Input& in, Header& header) {
  const std::uint64_t offset = in.U64(kAtBackingOffset);
  const std::uint32_t length = in.U32(kAtBackingLength);
  if (offset == 0) {
    return Unit{};
  }
  if (length > kMaxBackingName || length > header.cluster_size() - offset) {
    return in.Invalid(fmt::format("Backing file name too long: {} bytes", length));
  }
  if (offset > in.bytes.size() || length > in.bytes.size() - offset) {
    return in.Invalid(
        fmt::format("Backing file name at {:#x} lies beyond the end of the file", offset));
  }
  header.backing_name = in.Text(offset, length);
  if (HasNul(header.backing_name)) {
    return in.Invalid("Backing file name contains a zero byte");
  }
  return Unit{};
}

// By the names that the image itself has for them.
Checked CheckFeatures(const Input& in, const Header& header) {
  std::uint64_t unknown = header.incompatible & ~kIncompatibleKnown;
  if (unknown == 0) {
    return Unit{};
  }
  std::string names;
  for (const FeatureName& feature : header.feature_names) {
    const std::uint64_t bit = feature.bit < 64 ? std::uint64_t{1} << feature.bit : 0;
    if (feature.type == FeatureType::kIncompatible && (unknown & bit) != 0) {
      names += (names.empty() ? "" : ", ") + feature.name;
      unknown &= ~bit;
    }
  }
  if (unknown != 0) {
    names +=
        fmt::format("{}Unknown incompatible feature: {:x}", names.empty() ? "" : ", ", unknown);
  }
  return in.Unsupported(fmt::format("Unsupported qcow2 feature(s): {}", names));
}

Checked CheckEncryption(const Input& in) {
  switch (const std::uint32_t method = in.U32(kAtCryptMethod)) {
    case kCryptNone:
      return Unit{};
    case kCryptAes:
    case kCryptLuks:
      if (in.use == HeaderUse::kCheck) {
        return Unit{};
      }
      return in.Unsupported(fmt::format("the image is encrypted ({}), which cannot be read here",
                                        method == kCryptAes ? "AES" : "LUKS"));
    default:
      return in.Invalid(fmt::format("Unsupported encryption method {}", method));
  }
}

Checked CheckRefcountTable(const Input& in, const Header& header) {
  if (header.refcount_order > kMaxRefcountOrder) {
    return in.Invalid("Reference count entry width too large; may not exceed 64 bits");
  }
  if (header.refcount_table_clusters == 0 && in.use == HeaderUse::kOpen) {
    return in.Invalid("Image does not contain a reference count table");
  }
  if (header.refcount_table_clusters > kMaxRefcountTableBytes >> header.cluster_bits) {
    return in.Invalid(fmt::format("Reference count table too large: {} clusters",
                                  header.refcount_table_clusters));
  }
  if (!IsAligned(header.refcount_table_offset, header.cluster_size())) {
    return in.Invalid(fmt::format("Reference count table offset {:#x} is not aligned to a cluster",
                                  header.refcount_table_offset));
  }
  if (header.refcount_table_offset >= in.file_size && in.use == HeaderUse::kOpen) {
    return in.Invalid(fmt::format("Reference count table at {:#x} lies beyond the end of the file",
                                  header.refcount_table_offset));
  }
  return Unit{};
}

Checked CheckSnapshotTable(const Input& in, const Header& header) {
  if (header.snapshot_count == 0) {
    return Unit{};
  }
  if (header.snapshot_count > kMaxSnapshots) {
    return in.Invalid(fmt::format("Snapshot table too large: {} snapshots", header.snapshot_count));
  }
  if (!IsAligned(header.snapshots_offset, header.cluster_size())) {
    return in.Invalid(fmt::format("Snapshot table offset {:#x} is not aligned to a cluster",
                                  header.snapshots_offset));
  }
  if (header.snapshots_offset >= in.file_size ||
      header.snapshot_count * kSnapshotFixedBytes > in.file_size - header.snapshots_offset) {
    return in.Invalid(fmt::format("Snapshot table at {:#x} lies beyond the end of the file",
                                  header.snapshots_offset));
  }
  return Unit{};
}

Checked CheckTables(const Input& in, const Header& header) {
  if (header.extended_l2() && header.cluster_bits < kMinExtendedClusterBits) {
    return in.Invalid(fmt::format("Extended L2 entries need clusters of at least 16 KiB, not {}",
                                  header.cluster_size()));
  }
  if (header.size > BlockNode::kMaxSize) {
    return in.Invalid(fmt::format("Image is too big: {} bytes", header.size));
  }
  FB_TRY(CheckRefcountTable(in, header));
  FB_TRY(CheckSnapshotTable(in, header));
  return CheckL1(header, {header.l1_offset, header.l1_entries, header.size}, in.file_size,
                 in.filename, "L1 table");
}

}  // namespace

int ProbeHeader(ByteSpan head) {
  if (head.size() < 8 || LoadBe<std::uint32_t>(head.data()) != kMagic) {
    return 0;
  }
  return LoadBe<std::uint32_t>(head.data() + kAtVersion) >= 2 ? 100 : 0;
}

std::size_t HeaderBytes(ByteSpan head) {
  if (ProbeHeader(head) == 0 || head.size() < kAtClusterBits + 4) {
    return head.size();
  }
  const std::uint32_t bits = LoadBe<std::uint32_t>(head.data() + kAtClusterBits);
  const bool allowed = bits >= kMinClusterBits && bits <= kMaxClusterBits;
  return allowed ? std::size_t{1} << bits : head.size();
}

Result<Header, Error> ParseHeader(ByteSpan bytes, std::uint64_t file_size,
                                  std::string_view filename, HeaderUse use) {
  Input in{bytes, file_size, filename, use};
  Header header;
  FB_TRY(ParseFixed(in, header));
  in.bytes = bytes.first(std::min<std::size_t>(bytes.size(), header.cluster_size()));
  if (header.version >= 3) {
    FB_TRY(ParseVersion3(in, header));
  }
  const std::uint64_t backing_offset = in.U64(kAtBackingOffset);
  if (backing_offset > header.cluster_size()) {
    return in.Invalid(fmt::format("Invalid backing file offset {:#x}", backing_offset));
  }
  const Checked extensions =
      ParseExtensions(in, backing_offset != 0 ? backing_offset : header.cluster_size(), header);
  // An unknown feature explains more than extensions that it may have changed the meaning of.
  FB_TRY(CheckFeatures(in, header));
  FB_TRY(extensions);
  FB_TRY(CheckCompression(in, header));
  FB_TRY(CheckEncryption(in));
  FB_TRY(CheckTables(in, header));
  FB_TRY(ParseBackingName(in, header));
  return header;
}

Result<Unit, Error> CheckL1(const Header& header, const L1Place& l1, std::uint64_t file_size,
                            std::string_view filename, std::string_view whose) {
  const auto refuse = [&](std::string_view what) {
    return Error{Errno{EINVAL}, fmt::format("{}: {} {}", filename, whose, what)};
  };
  if (l1.entries > kMaxL1Bytes / 8) {
    return refuse(fmt::format("too large: {} entries", l1.entries));
  }
  if (l1.virtual_size > BlockNode::kMaxSize) {
    return refuse(fmt::format("maps too many bytes: {}", l1.virtual_size));
  }
  const std::uint64_t needed = l1.virtual_size / header.bytes_per_table() +
                               (l1.virtual_size % header.bytes_per_table() != 0 ? 1 : 0);
  if (l1.entries < needed) {
    return refuse(
        fmt::format("is too small: {} entries, the virtual size needs {}", l1.entries, needed));
  }
  if (l1.entries == 0) {
    return Unit{};
  }
  if (!IsAligned(l1.offset, header.cluster_size())) {
    return refuse(fmt::format("offset {:#x} is not aligned to a cluster", l1.offset));
  }
  if (l1.offset >= file_size || l1.entries * 8 > file_size - l1.offset) {
    return refuse(fmt::format("at {:#x} lies beyond the end of the file", l1.offset));
  }
  return Unit{};
}

}  // namespace fusebay::qcow2
