// The qcow2 format's numbers: field offsets, magic values, masks and the bounds we hold images to.
// Source: docs/formats/qcow2.md.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace fusebay::qcow2 {

inline constexpr std::uint32_t kMagic = 0x514649fb;  // "QFI\xfb"

// Offsets of the header's fields.
inline constexpr std::size_t kAtVersion = 4;
inline constexpr std::size_t kAtBackingOffset = 8;
inline constexpr std::size_t kAtBackingLength = 16;
inline constexpr std::size_t kAtClusterBits = 20;
inline constexpr std::size_t kAtSize = 24;
inline constexpr std::size_t kAtCryptMethod = 32;
inline constexpr std::size_t kAtL1Entries = 36;
inline constexpr std::size_t kAtL1Offset = 40;
inline constexpr std::size_t kAtRefcountTableOffset = 48;
inline constexpr std::size_t kAtRefcountTableClusters = 56;
inline constexpr std::size_t kAtSnapshotCount = 60;
inline constexpr std::size_t kAtSnapshotsOffset = 64;
inline constexpr std::size_t kAtIncompatible = 72;
inline constexpr std::size_t kAtCompatible = 80;
inline constexpr std::size_t kAtAutoclear = 88;
inline constexpr std::size_t kAtRefcountOrder = 96;
inline constexpr std::size_t kAtHeaderLength = 100;
inline constexpr std::size_t kAtCompressionType = 104;

inline constexpr std::uint32_t kHeaderLengthV2 = 72;
inline constexpr std::uint32_t kMinHeaderLengthV3 = 104;
inline constexpr std::uint32_t kHeaderLengthV3 = 112;  // with all the fields we know

inline constexpr std::uint64_t kIncompatibleDirty = 1u << 0;
inline constexpr std::uint64_t kIncompatibleCorrupt = 1u << 1;
inline constexpr std::uint64_t kIncompatibleDataFile = 1u << 2;
inline constexpr std::uint64_t kIncompatibleCompression = 1u << 3;
inline constexpr std::uint64_t kIncompatibleExtendedL2 = 1u << 4;
inline constexpr std::uint64_t kIncompatibleKnown = (1u << 5) - 1;
inline constexpr std::uint64_t kCompatibleLazyRefcounts = 1u << 0;
inline constexpr std::uint64_t kAutoclearBitmaps = 1u << 0;
inline constexpr std::uint64_t kAutoclearDataFileRaw = 1u << 1;

inline constexpr std::uint32_t kExtensionEnd = 0;
inline constexpr std::uint32_t kExtensionBackingFormat = 0xe2792aca;
inline constexpr std::uint32_t kExtensionFeatureNames = 0x6803f857;
inline constexpr std::uint32_t kExtensionBitmaps = 0x23852875;
inline constexpr std::uint32_t kExtensionCrypto = 0x0537be77;
inline constexpr std::uint32_t kExtensionDataFile = 0x44415441;
inline constexpr std::size_t kFeatureNameBytes = 48;  // type, bit, then the name

// L1 and L2 entries.
inline constexpr std::uint64_t kCopied = std::uint64_t{1} << 63;
inline constexpr std::uint64_t kCompressed = std::uint64_t{1} << 62;
inline constexpr std::uint64_t kReadsAsZeroes = 1;
inline constexpr std::uint64_t kOffsetMask = 0x00fffffffffffe00;
inline constexpr std::uint32_t kSubclusters = 32;  // of a cluster, with extended L2 entries
inline constexpr std::uint32_t kCompressedSector = 512;

// Bounds. An image outside them is refused.
inline constexpr std::uint32_t kMinClusterBits = 9;
inline constexpr std::uint32_t kMaxClusterBits = 21;
inline constexpr std::uint32_t kMinExtendedClusterBits = 14;
inline constexpr std::uint32_t kMaxRefcountOrder = 6;
inline constexpr std::uint64_t kMaxL1Bytes = 32 * kMiB;
inline constexpr std::uint64_t kMaxRefcountTableBytes = 8 * kMiB;
inline constexpr std::uint32_t kMaxBackingName = 1023;
inline constexpr std::uint32_t kMaxFormatName = 15;
inline constexpr std::uint32_t kMaxSnapshots = 65535;
inline constexpr std::uint64_t kMaxSnapshotTableBytes = 64 * kMiB;
inline constexpr std::uint32_t kMaxSnapshotExtra = 1024;
inline constexpr std::size_t kSnapshotFixedBytes = 40;
inline constexpr std::uint32_t kMaxBitmaps = 65535;
inline constexpr std::uint64_t kMaxBitmapDirectoryBytes = 64 * kMiB;
inline constexpr std::size_t kBitmapFixedBytes = 24;
inline constexpr std::uint32_t kMaxBitmapName = 1023;

}  // namespace fusebay::qcow2
