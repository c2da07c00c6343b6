// Builds small qcow2 images in memory, right by default and wrong where a test asks for it.
//
// Clusters: 0 header, 1 refcount table, 2 refcount block, 3 L1 (one entry or more), 4 the L2 table
// of L1 entry 0, from 5 on data.
#pragma once
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "qcow2/qcow2_header.h"

namespace fusebay::qcow2::test {

struct ImageShape {
  std::uint32_t cluster_bits = 16;
  std::uint32_t version = 3;
  bool extended = false;
  std::uint64_t size = 1 * kMiB;
};

class ImageBuilder {
 public:
  using Shape = ImageShape;

  static constexpr std::uint64_t kL1Cluster = 3;
  static constexpr std::uint64_t kL2Cluster = 4;
  static constexpr std::uint64_t kFirstData = 5;

  explicit ImageBuilder(Shape shape = Shape{}) : shape_(shape) {
    bytes_.resize(kFirstData * cluster());
    Set32(0, kMagic).Set32(kAtVersion, shape.version).Set32(kAtClusterBits, shape.cluster_bits);
    Set64(kAtSize, shape.size).Set32(kAtL1Entries, 1).Set64(kAtL1Offset, kL1Cluster * cluster());
    Set64(kAtRefcountTableOffset, cluster()).Set32(kAtRefcountTableClusters, 1);
    extensions_at_ = kHeaderLengthV2;
    if (shape.version >= 3) {
      Set64(kAtIncompatible, shape.extended ? kIncompatibleExtendedL2 : 0);
      Set32(kAtRefcountOrder, 4).Set32(kAtHeaderLength, 112);
      extensions_at_ = 112;
    }
    Set64(kL1Cluster * cluster(), kL2Cluster * cluster() | kCopied);
  }

  std::uint64_t cluster() const { return std::uint64_t{1} << shape_.cluster_bits; }
  std::uint64_t l2_entry_bytes() const { return shape_.extended ? 16 : 8; }
  // Where data cluster `index` is in the file.
  std::uint64_t DataAt(std::uint64_t index) const { return (kFirstData + index) * cluster(); }

  ImageBuilder& Set8(std::uint64_t at, std::uint8_t value) {
    bytes_.at(at) = std::byte{value};
    return *this;
  }
  ImageBuilder& Set32(std::uint64_t at, std::uint32_t value) { return Set(at, value); }
  ImageBuilder& Set64(std::uint64_t at, std::uint64_t value) { return Set(at, value); }
  ImageBuilder& Bytes(std::uint64_t at, std::string_view text) {
    Reach(at + text.size());
    std::memcpy(bytes_.data() + at, text.data(), text.size());
    return *this;
  }
  // Adds a header extension.
  ImageBuilder& Extension(std::uint32_t type, std::string_view data) {
    Set32(extensions_at_, type).Set32(extensions_at_ + 4, static_cast<std::uint32_t>(data.size()));
    Bytes(extensions_at_ + 8, data);
    extensions_at_ += 8 + (data.size() + 7) / 8 * 8;
    return *this;
  }
  ImageBuilder& Backing(std::string_view name) {
    const std::uint64_t at = extensions_at_ + 8;
    Set64(kAtBackingOffset, at).Set32(kAtBackingLength, static_cast<std::uint32_t>(name.size()));
    return Bytes(at, name);
  }
  // The entry of guest cluster `index`.
  ImageBuilder& L2(std::uint64_t index, std::uint64_t entry, std::uint64_t bitmap = 0) {
    const std::uint64_t at = kL2Cluster * cluster() + index * l2_entry_bytes();
    Set64(at, entry);
    return shape_.extended ? Set64(at + 8, bitmap) : *this;
  }
  // Guest cluster `index` is data cluster `data`, full of `value`.
  ImageBuilder& Data(std::uint64_t index, std::uint64_t data, char value) {
    Bytes(DataAt(data), std::string(cluster(), value));
    const std::uint64_t all = shape_.extended ? 0xffffffff : 0;
    return L2(index, DataAt(data) | kCopied, all);
  }
  ImageBuilder& Cut(std::uint64_t size) {
    bytes_.resize(size);
    return *this;
  }

  const std::vector<std::byte>& bytes() const { return bytes_; }
  std::vector<std::byte>& bytes() { return bytes_; }

 private:
  template <class T>
  ImageBuilder& Set(std::uint64_t at, T value) {
    Reach(at + sizeof value);
    StoreBe<T>(bytes_.data() + at, value);
    return *this;
  }
  void Reach(std::uint64_t size) {
    if (bytes_.size() < size) {
      bytes_.resize(size);
    }
  }

  Shape shape_;
  std::vector<std::byte> bytes_;
  std::uint64_t extensions_at_ = 0;
};

// One record of the feature name table.
inline std::string FeatureRecord(char type, char bit, std::string_view name) {
  std::string record{type, bit};
  record += name;
  record.resize(kFeatureNameBytes);
  return record;
}

// An image whose snapshot "old" (id 7) has 'o' in cluster 0 of a disk of two clusters.
inline ImageBuilder WithSnapshot(std::uint32_t l1_entries = 1) {
  ImageBuilder image;
  image.Data(0, 0, 'n');
  image.Bytes(image.DataAt(1), std::string(image.cluster(), 'o'));
  const std::uint64_t l2 = image.DataAt(2);
  const std::uint64_t l1 = image.DataAt(3);
  const std::uint64_t table = image.DataAt(4);
  image.Set64(l2, image.DataAt(1)).Set64(l1, l2);
  image.Set64(table, l1).Set32(table + 8, l1_entries).Set32(table + 12, 1u << 16 | 3);
  image.Set32(table + 36, 16).Set64(table + 48, 2 * image.cluster());
  image.Bytes(table + 56, "7old\0\0\0\0");
  return image.Set32(kAtSnapshotCount, 1).Set64(kAtSnapshotsOffset, table).Set64(table + 64, 0);
}

}  // namespace fusebay::qcow2::test
