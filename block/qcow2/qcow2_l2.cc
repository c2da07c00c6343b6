// Decodes standard, zero, compressed and extended L2 entries (docs/formats/qcow2.md).
#include "qcow2/qcow2_l2.h"

#include <algorithm>

namespace fusebay::qcow2 {

namespace {

constexpr std::uint64_t kStandardReserved = ~(kCopied | kCompressed | kOffsetMask | kReadsAsZeroes);
constexpr std::uint64_t kHostOffsetLimit = std::uint64_t{1} << 56;

// The number of bits of a compressed descriptor that are an offset.
constexpr std::uint32_t OffsetBits(std::uint32_t cluster_bits) { return 62 - (cluster_bits - 8); }

Result<L2Entry, Fault> DecodeCompressed(const L2Layout& layout, std::uint64_t entry,
                                        std::uint64_t bitmap) {
  if (layout.data_file) {
    return Fault::kCompressedInDataFile;
  }
  if (bitmap != 0) {
    return Fault::kCompressedBitmap;
  }
  L2Entry decoded;
  decoded.compressed = true;
  decoded.descriptor = entry & ~(kCopied | kCompressed);
  if (PlaceOf(layout.cluster_bits, decoded.descriptor).offset >= kHostOffsetLimit) {
    return Fault::kReserved;
  }
  return decoded;
}

Result<L2Entry, Fault> DecodeUnits(const L2Layout& layout, bool has_cluster, std::uint64_t bitmap,
                                   L2Entry decoded) {
  decoded.allocated = static_cast<std::uint32_t>(bitmap);
  decoded.zero = static_cast<std::uint32_t>(bitmap >> 32);
  if ((decoded.allocated & decoded.zero) != 0) {
    return Fault::kBitmapConflict;
  }
  if (decoded.allocated != 0 && !has_cluster) {
    return Fault::kBitmapWithoutCluster;
  }
  FB_ASSERT(layout.extended);
  return decoded;
}

}  // namespace

std::string_view FaultText(Fault fault) {
  switch (fault) {
    case Fault::kL1Reserved:
      return "reserved bits are set in the L1 entry";
    case Fault::kL1Unaligned:
      return "the L2 table is not aligned to a cluster";
    case Fault::kL1BeyondFile:
      return "the L2 table lies beyond the end of the file";
    case Fault::kReserved:
      return "reserved bits are set in the L2 entry";
    case Fault::kUnaligned:
      return "the host cluster is not aligned";
    case Fault::kZeroFlagInVersion2:
      return "a version 2 image has a zero cluster";
    case Fault::kCompressedInDataFile:
      return "an image with an external data file has a compressed cluster";
    case Fault::kNotIdentity:
      return "the cluster in the external data file is not at its guest offset";
    case Fault::kBitmapConflict:
      return "a subcluster is both allocated and zero";
    case Fault::kBitmapWithoutCluster:
      return "subclusters are allocated without a host cluster";
    case Fault::kCompressedBitmap:
      return "a compressed cluster has subclusters";
    case Fault::kIntoMetadata:
      return "the L2 entry points into the image's metadata";
  }
  return "unknown";
}

RawL2Entry LoadL2(const L2Layout& layout, const std::byte* raw) {
  return {LoadBe<std::uint64_t>(raw), layout.extended ? LoadBe<std::uint64_t>(raw + 8) : 0};
}

void StoreL2(const L2Layout& layout, std::byte* raw, const RawL2Entry& value) {
  StoreBe(raw, value.entry);
  if (layout.extended) {
    StoreBe(raw + 8, value.bitmap);
  }
}

RawL2Entry EncodeL2(const L2Layout& layout, const L2Entry& decoded) {
  if (decoded.compressed) {
    return {kCompressed | decoded.descriptor, 0};
  }
  FB_ASSERT((decoded.allocated & decoded.zero) == 0);
  RawL2Entry raw;
  if (decoded.has_host) {
    raw.entry = decoded.host_offset | (decoded.copied ? kCopied : 0);
  }
  if (layout.extended) {
    raw.bitmap = std::uint64_t{decoded.zero} << 32 | decoded.allocated;
  } else if (decoded.zero != 0) {
    FB_ASSERT(layout.has_zero_flag);
    raw.entry |= kReadsAsZeroes;
  }
  return raw;
}

Result<L2Entry, Fault> DecodeL2(const L2Layout& layout, const std::byte* raw,
                                std::uint64_t guest_offset) {
  const auto [entry, bitmap] = LoadL2(layout, raw);
  if ((entry & kCompressed) != 0) {
    return DecodeCompressed(layout, entry, bitmap);
  }
  if ((entry & kStandardReserved) != 0) {
    return Fault::kReserved;
  }
  L2Entry decoded;
  decoded.copied = (entry & kCopied) != 0;
  decoded.host_offset = entry & kOffsetMask;
  if ((decoded.host_offset & (layout.cluster_size() - 1)) != 0) {
    return Fault::kUnaligned;
  }
  // Offset 0 is the header's cluster, so it means "none"; but the first cluster of a data file.
  const bool has_cluster = decoded.host_offset != 0 || (layout.data_file && (entry & kCopied) != 0);
  if (has_cluster && layout.data_file && decoded.host_offset != guest_offset) {
    return Fault::kNotIdentity;
  }
  const bool zero = (entry & kReadsAsZeroes) != 0;
  decoded.has_host = has_cluster && !(zero && decoded.host_offset == 0);
  if (layout.extended) {
    return zero ? Result<L2Entry, Fault>{Fault::kReserved}
                : DecodeUnits(layout, has_cluster, bitmap, decoded);
  }
  if (zero && !layout.has_zero_flag) {
    return Fault::kZeroFlagInVersion2;
  }
  decoded.zero = zero ? 1 : 0;
  decoded.allocated = !zero && has_cluster ? 1 : 0;
  return decoded;
}

CompressedPlace PlaceOf(std::uint32_t cluster_bits, std::uint64_t descriptor) {
  const std::uint32_t offset_bits = OffsetBits(cluster_bits);
  const std::uint64_t offset = descriptor & ((std::uint64_t{1} << offset_bits) - 1);
  const std::uint64_t sectors = (descriptor >> offset_bits) + 1;
  const std::uint64_t length = sectors * kCompressedSector - offset % kCompressedSector;
  FB_ASSERT(length <= (std::uint64_t{1} << cluster_bits) * 2);
  return {offset, static_cast<std::uint32_t>(length)};
}

std::optional<std::uint64_t> DescriptorOf(std::uint32_t cluster_bits,
                                          const CompressedPlace& place) {
  FB_ASSERT(place.length > 0 && place.length < std::uint64_t{1} << cluster_bits);
  const std::uint32_t offset_bits = OffsetBits(cluster_bits);
  const std::uint64_t last = place.offset + place.length - 1;
  if (last >= std::min(std::uint64_t{1} << offset_bits, kHostOffsetLimit)) {
    return std::nullopt;
  }
  const std::uint64_t sectors = last / kCompressedSector - place.offset / kCompressedSector;
  return sectors << offset_bits | place.offset;
}

}  // namespace fusebay::qcow2
