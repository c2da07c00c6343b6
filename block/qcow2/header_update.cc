// Writes header fields, each followed by a flush.
#include "qcow2/header_update.h"

#include <array>

namespace fusebay::qcow2 {

namespace {

// At most 12 bytes: two fields that belong together.
struct Field {
  std::size_t at;
  std::size_t length;
  std::array<std::byte, 12> bytes;
};

Task<Result<>> Write(const BlockRef& file, Field field) {
  const iovec iov{field.bytes.data(), field.length};
  const Result<> written = co_await file.Write(field.at, IoVec::Of(iov), {});
  CO_TRY(written);
  const Result<> flushed = co_await file.Flush(FlushMode::kDisk);
  co_return flushed;
}

Task<Result<>> WriteWord(const BlockRef& file, std::size_t at, std::uint64_t value,
                         std::uint64_t& field) {
  Field changed{at, sizeof value, {}};
  StoreBe(changed.bytes.data(), value);
  const Result<> written = co_await Write(file, changed);
  CO_TRY(written);
  field = value;
  co_return Ok();
}

}  // namespace

Task<Result<>> WriteIncompatible(const BlockRef& file, Header& header, std::uint64_t features) {
  FB_ASSERT(header.version >= 3);
  return WriteWord(file, kAtIncompatible, features, header.incompatible);
}

Task<Result<>> WriteAutoclear(const BlockRef& file, Header& header, std::uint64_t features) {
  FB_ASSERT(header.version >= 3);
  return WriteWord(file, kAtAutoclear, features, header.autoclear);
}

Task<Result<>> WriteSize(const BlockRef& file, Header& header, std::uint64_t size) {
  return WriteWord(file, kAtSize, size, header.size);
}

Task<Result<>> WriteSnapshotsPlace(const BlockRef& file, Header& header, std::uint64_t offset) {
  return WriteWord(file, kAtSnapshotsOffset, offset, header.snapshots_offset);
}

Task<Result<>> WriteL1Place(const BlockRef& file, Header& header, std::uint64_t offset,
                            std::uint32_t entries) {
  Field field{kAtL1Entries, 12, {}};
  StoreBe(field.bytes.data(), entries);
  StoreBe(field.bytes.data() + 4, offset);
  const Result<> written = co_await Write(file, field);
  CO_TRY(written);
  header.l1_offset = offset;
  header.l1_entries = entries;
  co_return Ok();
}

Task<Result<>> WriteRefcountTablePlace(const BlockRef& file, Header& header, std::uint64_t offset,
                                       std::uint32_t clusters) {
  Field field{kAtRefcountTableOffset, 12, {}};
  StoreBe(field.bytes.data(), offset);
  StoreBe(field.bytes.data() + 8, clusters);
  const Result<> written = co_await Write(file, field);
  CO_TRY(written);
  header.refcount_table_offset = offset;
  header.refcount_table_clusters = clusters;
  co_return Ok();
}

}  // namespace fusebay::qcow2
