// Encodes the qcow2 header, its extensions and the backing file's name.
#include "qcow2/qcow2_header_write.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/align.h"

namespace fusebay::qcow2 {

namespace {

constexpr std::uint32_t kMaxClusterWithoutNames = 4096;

ByteSpan BytesOfText(std::string_view text) { return std::as_bytes(std::span(text)); }

// Collects what the header cluster holds; grows past the cluster, which is looked at in the end.
class Writer {
 public:
  explicit Writer(std::size_t header_length) : bytes_(header_length) {}

  template <class T>
  void Set(std::size_t at, T value) {
    FB_ASSERT(at + sizeof value <= bytes_.size());
    StoreBe(bytes_.data() + at, value);
  }
  void Append(ByteSpan data) { bytes_.insert(bytes_.end(), data.begin(), data.end()); }
  void Extension(std::uint32_t type, ByteSpan data) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + 8);
    Set(at, type);
    Set(at + 4, static_cast<std::uint32_t>(data.size()));
    Append(data);
    bytes_.resize(AlignUp(bytes_.size(), 8));
  }
  std::size_t size() const { return bytes_.size(); }
  std::vector<std::byte> Take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

void WriteFixed(const Header& header, Writer& out) {
  out.Set(0, kMagic);
  out.Set(kAtVersion, header.version);
  out.Set(kAtClusterBits, header.cluster_bits);
  out.Set(kAtSize, header.size);
  out.Set(kAtL1Entries, header.l1_entries);
  out.Set(kAtL1Offset, header.l1_offset);
  out.Set(kAtRefcountTableOffset, header.refcount_table_offset);
  out.Set(kAtRefcountTableClusters, header.refcount_table_clusters);
  out.Set(kAtSnapshotCount, header.snapshot_count);
  out.Set(kAtSnapshotsOffset, header.snapshots_offset);
}

void WriteVersion3(const Header& header, Writer& out) {
  out.Set(kAtIncompatible, header.incompatible);
  out.Set(kAtCompatible, header.compatible);
  out.Set(kAtAutoclear, header.autoclear);
  out.Set(kAtRefcountOrder, header.refcount_order);
  out.Set(kAtHeaderLength,
          static_cast<std::uint32_t>(kHeaderLengthV3 + header.unknown_fields.size()));
  out.Set(kAtCompressionType, static_cast<std::uint8_t>(header.compression));
  out.Append(header.unknown_fields);
}

void WriteFeatureNames(const std::vector<FeatureName>& names, Writer& out) {
  std::vector<std::byte> table(names.size() * kFeatureNameBytes);
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::byte* const record = table.data() + i * kFeatureNameBytes;
    record[0] = static_cast<std::byte>(names[i].type);
    record[1] = static_cast<std::byte>(names[i].bit);
    std::memcpy(record + 2, names[i].name.data(),
                std::min(names[i].name.size(), kFeatureNameBytes - 2));
  }
  out.Extension(kExtensionFeatureNames, table);
}

void WriteBitmaps(const BitmapsExtension& bitmaps, Writer& out) {
  std::vector<std::byte> data(kBitmapFixedBytes);
  StoreBe(data.data(), bitmaps.count);
  StoreBe(data.data() + 8, bitmaps.directory_bytes);
  StoreBe(data.data() + 16, bitmaps.directory_offset);
  out.Extension(kExtensionBitmaps, data);
}

// In QEMU's order.
void WriteExtensions(const Header& header, Writer& out) {
  if (!header.backing_format.empty()) {
    out.Extension(kExtensionBackingFormat, BytesOfText(header.backing_format));
  }
  if (!header.data_file_name.empty()) {
    out.Extension(kExtensionDataFile, BytesOfText(header.data_file_name));
  }
  if (!header.feature_names.empty()) {
    WriteFeatureNames(header.feature_names, out);
  }
  if (header.bitmaps.has_value()) {
    WriteBitmaps(*header.bitmaps, out);
  }
  for (const UnknownExtension& unknown : header.unknown_extensions) {
    out.Extension(unknown.type, unknown.data);
  }
  out.Extension(kExtensionEnd, {});
}

Result<Unit, Error> CheckNames(const Header& header) {
  if (header.backing_name.size() > kMaxBackingName) {
    return Error{Errno{EINVAL}, fmt::format("Backing file name too long: {} bytes, allowed are {}",
                                            header.backing_name.size(), kMaxBackingName)};
  }
  if (header.backing_format.size() > kMaxFormatName) {
    return Error{Errno{EINVAL},
                 fmt::format("Backing format name too long: {} bytes, allowed are {}",
                             header.backing_format.size(), kMaxFormatName)};
  }
  return Unit{};
}

}  // namespace

Result<std::vector<std::byte>, Error> EncodeHeader(const Header& header) {
  FB_ASSERT(header.version == 2 || header.version == 3);
  FB_TRY(CheckNames(header));
  Writer out(header.version == 2 ? kHeaderLengthV2 : kHeaderLengthV3);
  WriteFixed(header, out);
  if (header.version >= 3) {
    WriteVersion3(header, out);
  }
  WriteExtensions(header, out);
  if (!header.backing_name.empty()) {
    out.Set(kAtBackingOffset, std::uint64_t{out.size()});
    out.Set(kAtBackingLength, static_cast<std::uint32_t>(header.backing_name.size()));
    out.Append(BytesOfText(header.backing_name));
  }
  if (out.size() > header.cluster_size()) {
    return Error{Errno{ENOSPC},
                 fmt::format("The header with its extensions and the names of other files has {} "
                             "bytes, which is more than one cluster ({}); try shorter names or a "
                             "larger cluster size",
                             out.size(), header.cluster_size())};
  }
  std::vector<std::byte> bytes = out.Take();
  bytes.resize(header.cluster_size());
  return bytes;
}

std::vector<FeatureName> FeatureNamesFor(const Header& header) {
  if (header.version < 3 || header.cluster_size() <= kMaxClusterWithoutNames) {
    return {};
  }
  return {{FeatureType::kIncompatible, 0, "dirty bit"},
          {FeatureType::kIncompatible, 1, "corrupt bit"},
          {FeatureType::kIncompatible, 2, "external data file"},
          {FeatureType::kIncompatible, 3, "compression type"},
          {FeatureType::kIncompatible, 4, "extended L2 entries"},
          {FeatureType::kCompatible, 0, "lazy refcounts"},
          {FeatureType::kAutoclear, 0, "bitmaps"},
          {FeatureType::kAutoclear, 1, "raw external data"}};
}

}  // namespace fusebay::qcow2
