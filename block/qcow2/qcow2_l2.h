// L2 entries: what one entry of an L2 table says about one cluster of the virtual disk. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "qcow2/qcow2_header.h"

namespace fusebay::qcow2 {

// What decoding depends on, taken out of the header once.
struct L2Layout {
  explicit L2Layout(const Header& header)
      : cluster_bits(header.cluster_bits),
        unit_bits(header.extended_l2() ? header.cluster_bits - 5 : header.cluster_bits),
        extended(header.extended_l2()),
        has_zero_flag(header.version >= 3),
        data_file(header.has_data_file()) {}

  std::uint64_t cluster_size() const { return std::uint64_t{1} << cluster_bits; }
  std::uint32_t entry_bytes() const { return extended ? 16 : 8; }
  // Parts of a cluster that are mapped on their own: subclusters, or the cluster itself.
  std::uint32_t units() const { return extended ? kSubclusters : 1; }

  std::uint32_t cluster_bits;
  std::uint32_t unit_bits;  // log2 of a unit's bytes
  bool extended;
  bool has_zero_flag;
  bool data_file;
};

// A decoded entry. Unless it is compressed, each unit is allocated (its data is in the host
// cluster), zero, or neither: then the backing image has it. Bit i is unit i.
struct L2Entry {
  bool compressed = false;
  bool copied = false;  // nothing else refers to the host cluster: it may be written in place
  std::uint32_t allocated = 0;
  std::uint32_t zero = 0;
  std::uint64_t host_offset = 0;  // of the cluster
  bool has_host = false;          // there is a host cluster, though a zero cluster does not use it
  std::uint64_t descriptor = 0;   // of a compressed cluster
};

// An entry as it is in a table, in our byte order; `bitmap` is 0 without extended L2.
struct RawL2Entry {
  std::uint64_t entry = 0;
  std::uint64_t bitmap = 0;
  friend bool operator==(const RawL2Entry&, const RawL2Entry&) = default;
};
RawL2Entry LoadL2(const L2Layout& layout, const std::byte* raw);
void StoreL2(const L2Layout& layout, std::byte* raw, const RawL2Entry& value);

// What a table holds for `decoded`, which REQUIRES: is what DecodeL2 can return. A cluster that is
// allocated or has a host_offset gets the "copied" flag if decoded.copied.
RawL2Entry EncodeL2(const L2Layout& layout, const L2Entry& decoded);

// What a wrong entry is wrong about. Every one makes a read of the cluster fail with EIO.
enum class Fault : std::uint8_t {
  kL1Reserved,
  kL1Unaligned,
  kL1BeyondFile,
  kReserved,
  kUnaligned,
  kZeroFlagInVersion2,
  kCompressedInDataFile,
  kNotIdentity,
  kBitmapConflict,
  kBitmapWithoutCluster,
  kCompressedBitmap,
  kIntoMetadata,
};
std::string_view FaultText(Fault fault);

// `raw` are the entry's bytes in the table; `guest_offset` is where its cluster begins.
Result<L2Entry, Fault> DecodeL2(const L2Layout& layout, const std::byte* raw,
                                std::uint64_t guest_offset);

// Where a compressed cluster's bytes are. The last sector may lie beyond the end of the file, and
// the data may end before it.
struct CompressedPlace {
  std::uint64_t offset = 0;
  std::uint32_t length = 0;
};
CompressedPlace PlaceOf(std::uint32_t cluster_bits, std::uint64_t descriptor);
// The descriptor of data at `place`, whose length REQUIRES: is less than a cluster. Nothing: an
// entry has not enough bits for the offset.
std::optional<std::uint64_t> DescriptorOf(std::uint32_t cluster_bits, const CompressedPlace& place);

}  // namespace fusebay::qcow2
