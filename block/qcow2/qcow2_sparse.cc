// Counts the clusters in use and compares them with the space that the file takes.
#include "qcow2/qcow2_sparse.h"

#include <algorithm>
#include <span>

#include "base/align.h"
#include "core/aio_context.h"
#include "qcow2/qcow2_io.h"
#include "qcow2/qcow2_refcount_bits.h"

namespace fusebay::qcow2 {

namespace {

constexpr std::uint64_t kTableEntryBytes = 8;
constexpr std::uint64_t kMaxReadBytes = 64 * kMiB;
constexpr std::uint64_t kReserved = 511;  // of an entry of the refcount table

Result<Unit, Error> CheckPlace(const Image& image, std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t end = image.file.size();
  return offset <= end && length <= end - offset
             ? Result<Unit, Error>(Unit{})
             : Error{Errno{EIO}, image.filename + ": refcounts lie beyond the end of the file"};
}

std::uint64_t InUse(const std::byte* block, std::uint64_t count, std::uint32_t order) {
  std::uint64_t used = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    used += LoadRefcount(block, i, order) != 0 ? 1 : 0;
  }
  return used;
}

// Of the first `clusters` of the file; no more than `enough` need be counted. What would take too
// long to count is taken for used.
Task<Result<std::uint64_t, Error>> CountInUse(const Image& image, std::uint64_t clusters,
                                              std::uint64_t enough) {
  const Header& header = image.header;
  const std::uint64_t per_block = std::uint64_t{header.cluster_size()} * 8 >> header.refcount_order;
  const std::uint64_t blocks =
      std::min((clusters + per_block - 1) / per_block, header.refcount_table_entries());
  std::vector<std::byte> table(blocks * kTableEntryBytes);
  CO_TRY(CheckPlace(image, header.refcount_table_offset, table.size()));
  CO_TRY(co_await ReadTable(image.file, header.refcount_table_offset, table,
                            TableName{image.filename, "the refcount table"}));
  const Buffer block = AioContext::Current().buffers().Get(header.cluster_size());
  std::uint64_t used = 0;
  std::uint64_t read_bytes = 0;
  for (std::uint64_t i = 0; i < blocks && used < enough; ++i) {
    const std::uint64_t offset =
        LoadBe<std::uint64_t>(table.data() + i * kTableEntryBytes) & ~kReserved;
    if (offset == 0) {
      continue;
    }
    read_bytes += header.cluster_size();
    if (read_bytes > kMaxReadBytes) {
      co_return enough;
    }
    CO_TRY(CheckPlace(image, offset, header.cluster_size()));
    CO_TRY(co_await ReadTable(image.file, offset,
                              MutableByteSpan(block.data(), header.cluster_size()),
                              TableName{image.filename, "a refcount block"}));
    used +=
        InUse(block.data(), std::min(per_block, clusters - i * per_block), header.refcount_order);
  }
  co_return used;
}

}  // namespace

Task<bool> IsSparse(const Image& image) {
  const Result<std::uint64_t> allocated = co_await image.file.node().AllocatedSize();
  if (!allocated.ok()) {
    co_return false;
  }
  const std::uint64_t cluster = image.header.cluster_size();
  const std::uint64_t backed = *allocated / cluster;
  const std::uint64_t clusters = AlignUp(image.file.size(), cluster) / cluster;
  const std::uint64_t threshold = std::max(backed * 10 / 9, backed + 2);
  if (clusters < threshold) {
    co_return false;
  }
  const Result<std::uint64_t, Error> used = co_await CountInUse(image, clusters, threshold);
  co_return used.ok() && *used >= threshold;
}

}  // namespace fusebay::qcow2
