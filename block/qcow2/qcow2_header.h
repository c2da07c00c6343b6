// The qcow2 header: parsed and checked, without any I/O.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "qcow2/qcow2_format.h"

namespace fusebay::qcow2 {

enum class Compression : std::uint8_t { kZlib = 0, kZstd = 1 };
enum class FeatureType : std::uint8_t { kIncompatible = 0, kCompatible = 1, kAutoclear = 2 };

struct FeatureName {
  FeatureType type{};
  std::uint8_t bit = 0;
  std::string name;
};

struct BitmapsExtension {
  std::uint32_t count = 0;
  std::uint64_t directory_bytes = 0;
  std::uint64_t directory_offset = 0;
};

// An extension we do not know: kept, so that a rewritten header still has it.
struct UnknownExtension {
  std::uint32_t type = 0;
  std::vector<std::byte> data;
};

// A version 2 header has the values that version says it has: header_length 72, refcount_order 4,
// no features.
struct Header {
  std::uint32_t version = 0;
  std::uint32_t cluster_bits = 0;
  std::uint64_t size = 0;  // virtual, bytes
  std::uint32_t l1_entries = 0;
  std::uint64_t l1_offset = 0;
  std::uint64_t refcount_table_offset = 0;
  std::uint32_t refcount_table_clusters = 0;
  std::uint32_t snapshot_count = 0;
  std::uint64_t snapshots_offset = 0;
  std::uint64_t incompatible = 0;
  std::uint64_t compatible = 0;
  std::uint64_t autoclear = 0;
  std::uint32_t refcount_order = 4;
  std::uint32_t header_length = 0;
  Compression compression = Compression::kZlib;
  std::string backing_name;    // empty: no backing file
  std::string backing_format;  // empty: the image does not say
  std::string data_file_name;  // empty: the image does not say
  std::vector<FeatureName> feature_names;
  std::optional<BitmapsExtension> bitmaps;
  std::vector<UnknownExtension> unknown_extensions;
  // Of a longer header than we know: optional fields, kept like unknown extensions.
  std::vector<std::byte> unknown_fields;

  std::uint32_t cluster_size() const { return 1u << cluster_bits; }
  bool dirty() const { return (incompatible & kIncompatibleDirty) != 0; }
  bool corrupt() const { return (incompatible & kIncompatibleCorrupt) != 0; }
  bool has_data_file() const { return (incompatible & kIncompatibleDataFile) != 0; }
  bool extended_l2() const { return (incompatible & kIncompatibleExtendedL2) != 0; }
  std::uint32_t l2_entry_bytes() const { return extended_l2() ? 16 : 8; }
  // Virtual bytes that one L2 table maps.
  std::uint64_t bytes_per_table() const {
    return std::uint64_t{cluster_size() / l2_entry_bytes()} << cluster_bits;
  }
  std::uint64_t refcount_table_entries() const {
    return (std::uint64_t{refcount_table_clusters} << cluster_bits) / sizeof(std::uint64_t);
  }
};

// How sure we are that an image that begins so is qcow2: 100 or 0.
int ProbeHeader(ByteSpan head);

// How many of the file's first bytes ParseHeader has to see, which is one cluster; `head` is what
// is there already, at least 24 bytes if the file has them. For an image that will be refused
// anyway: what is there.
std::size_t HeaderBytes(ByteSpan head);

// What the header is read for. A check takes a refcount table that is missing or beyond the end of
// the file, for it can make a new one, and an encrypted image, for it does not look at its data.
enum class HeaderUse : std::uint8_t { kOpen, kCheck };

// Parses and checks the header in `bytes`, the first HeaderBytes of a file, or all of it if it is
// shorter. Messages begin with `filename` and name the field and the bound.
Result<Header, Error> ParseHeader(ByteSpan bytes, std::uint64_t file_size,
                                  std::string_view filename, HeaderUse use = HeaderUse::kOpen);

// Checks an L1 table, the image's own or a snapshot's (`whose` begins the message: "L1 table",
// "L1 table of snapshot '1'"): alignment, length, place in the file, and that it maps
// `virtual_size` bytes.
struct L1Place {
  std::uint64_t offset = 0;
  std::uint64_t entries = 0;
  std::uint64_t virtual_size = 0;
};
Result<Unit, Error> CheckL1(const Header& header, const L1Place& l1, std::uint64_t file_size,
                            std::string_view filename, std::string_view whose);

}  // namespace fusebay::qcow2
