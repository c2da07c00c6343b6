// The rules for options of a new qcow2 image, in qemu-img's words.
#include <fmt/format.h>

#include <bit>

#include "block/qcow2_create.h"
#include "qcow2/qcow2_create.h"
#include "qcow2/qcow2_create_layout.h"
#include "qcow2/qcow2_header_write.h"

namespace fusebay {

namespace qcow2 {

namespace {

using Checked = Result<Unit, Error>;

constexpr std::uint64_t kSector = 512;

Error Refuse(std::string message) { return Error{Errno{EINVAL}, std::move(message)}; }

Error NeedsVersion3(std::string_view what) {
  return Refuse(
      fmt::format("{} supported with compatibility level 1.1 and above (use version=v3 "
                  "or greater)",
                  what));
}

Checked CheckGeometry(const Qcow2CreateOptions& options) {
  if (options.size % kSector != 0) {
    return Refuse("Image size must be a multiple of 512 bytes");
  }
  if (options.size > BlockNode::kMaxSize) {
    return Error{Errno{EFBIG}, fmt::format("Image is too big: {} bytes", options.size)};
  }
  if (!std::has_single_bit(options.cluster_size) ||
      options.cluster_size < (1u << kMinClusterBits) ||
      options.cluster_size > (1u << kMaxClusterBits)) {
    return Refuse("Cluster size must be a power of two between 512 and 2048k");
  }
  if (!std::has_single_bit(options.refcount_bits) || options.refcount_bits > 64) {
    return Refuse("Refcount width must be a power of two and may not exceed 64 bits");
  }
  return Unit{};
}

Checked CheckVersion(const Qcow2CreateOptions& options) {
  if (options.version == 3) {
    return Unit{};
  }
  if (options.version != 2) {
    return Refuse(fmt::format("Unsupported qcow2 version {}", options.version));
  }
  if (options.lazy_refcounts) {
    return NeedsVersion3("Lazy refcounts only");
  }
  if (options.refcount_bits != 16) {
    return Refuse(
        "Different refcount widths than 16 bits require compatibility level 1.1 or above (use "
        "version=v3 or greater)");
  }
  if (!options.data_file.empty()) {
    return NeedsVersion3("External data files are only");
  }
  if (options.compression != Qcow2Compression::kZlib) {
    return NeedsVersion3("Non-zlib compression type is only");
  }
  return Unit{};
}

Checked CheckSubclusters(const Qcow2CreateOptions& options) {
  if (options.extended_l2 && options.version < 3) {
    return NeedsVersion3("Extended L2 entries are only");
  }
  if (options.extended_l2 && options.cluster_size < (1u << kMinExtendedClusterBits)) {
    return Refuse(fmt::format(
        "Extended L2 entries are only supported with cluster sizes of at least {} bytes",
        1u << kMinExtendedClusterBits));
  }
  return Unit{};
}

Checked CheckOtherFiles(const Qcow2CreateOptions& options) {
  const bool has_backing = !options.backing_file.empty();
  if (has_backing && options.preallocation != Prealloc::kOff && !options.extended_l2) {
    return Refuse(
        "Backing file and preallocation can only be used at the same time if extended_l2 is on");
  }
  if (has_backing && options.backing_format.empty()) {
    return Refuse("Backing file specified without backing format");
  }
  if (!has_backing && !options.backing_format.empty()) {
    return Refuse("Backing format cannot be used without backing file");
  }
  if (has_backing && options.data_file_raw) {
    return Refuse("Backing file and data-file-raw cannot be used at the same time");
  }
  if (options.data_file_raw && options.data_file.empty()) {
    return Refuse("data-file-raw requires data-file");
  }
  return Unit{};
}

}  // namespace

Header NewHeader(const Qcow2CreateOptions& options) {
  Header header;
  header.version = options.version;
  header.cluster_bits = static_cast<std::uint32_t>(std::countr_zero(options.cluster_size));
  header.size = options.size;
  header.refcount_order = static_cast<std::uint32_t>(std::countr_zero(options.refcount_bits));
  header.backing_name = options.backing_file;
  header.backing_format = options.backing_format;
  header.data_file_name = options.data_file;
  if (!options.data_file.empty()) {
    header.incompatible |= kIncompatibleDataFile;
  }
  if (options.data_file_raw) {
    header.autoclear |= kAutoclearDataFileRaw;
  }
  if (options.extended_l2) {
    header.incompatible |= kIncompatibleExtendedL2;
  }
  if (options.lazy_refcounts) {
    header.compatible |= kCompatibleLazyRefcounts;
  }
  if (options.compression != Qcow2Compression::kZlib) {
    header.incompatible |= kIncompatibleCompression;
    header.compression = Compression::kZstd;
  }
  header.feature_names = FeatureNamesFor(header);
  return header;
}

bool AllocatesAll(const Qcow2CreateOptions& options) {
  return options.preallocation != Prealloc::kOff || options.data_file_raw;
}

}  // namespace qcow2

Result<Unit, Error> CheckQcow2CreateOptions(const Qcow2CreateOptions& options) {
  FB_TRY(qcow2::CheckGeometry(options));
  FB_TRY(qcow2::CheckSubclusters(options));
  FB_TRY(qcow2::CheckVersion(options));
  FB_TRY(qcow2::CheckOtherFiles(options));
  const qcow2::Header header = qcow2::NewHeader(options);
  FB_TRY(qcow2::PlanImage(header, qcow2::AllocatesAll(options)));
  FB_TRY(qcow2::EncodeHeader(header));
  return Unit{};
}

}  // namespace fusebay
