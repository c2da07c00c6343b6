// Plans a new image and makes the contents of its tables.
#include "qcow2/qcow2_create_layout.h"

#include <algorithm>

#include "base/align.h"
#include "qcow2/qcow2_refcount_bits.h"

namespace fusebay::qcow2 {

namespace {

constexpr std::uint64_t kTableEntryBytes = 8;  // of an L1 or a refcount table

std::uint64_t DivideUp(std::uint64_t value, std::uint64_t by) {
  return value / by + (value % by != 0 ? 1 : 0);
}

std::uint64_t RefcountsPerBlock(const CreateLayout& layout) {
  return layout.cluster_size() * 8 >> layout.refcount_order;
}

// The refcount blocks count themselves and their table, too.
void PlanRefcounts(CreateLayout& layout) {
  std::uint64_t clusters = 0;
  do {
    clusters = layout.file_clusters();
    layout.block_clusters = DivideUp(clusters, RefcountsPerBlock(layout));
    layout.table_clusters =
        DivideUp(layout.block_clusters * kTableEntryBytes, layout.cluster_size());
  } while (layout.file_clusters() != clusters);
}

// `count` entries, each naming the next cluster; the rest of the table is empty.
void FillTable(MutableByteSpan dst, std::uint64_t cluster_bits, std::uint64_t first_cluster,
               std::uint64_t count, std::uint64_t flags) {
  std::fill(dst.begin(), dst.end(), std::byte{0});
  count = std::min<std::uint64_t>(count, dst.size() / kTableEntryBytes);
  for (std::uint64_t i = 0; i < count; ++i) {
    StoreBe(dst.data() + i * kTableEntryBytes, (first_cluster + i) << cluster_bits | flags);
  }
}

std::uint64_t Rest(std::uint64_t all, std::uint64_t done) { return all - std::min(all, done); }

void FillBlock(const CreateLayout& layout, std::uint64_t index, MutableByteSpan dst) {
  std::fill(dst.begin(), dst.end(), std::byte{0});
  const std::uint64_t per_block = RefcountsPerBlock(layout);
  const std::uint64_t count = std::min(per_block, Rest(layout.file_clusters(), index * per_block));
  for (std::uint64_t i = 0; i < count; ++i) {
    StoreRefcount(dst.data(), i, layout.refcount_order, 1);
  }
}

// The bitmap of an extended entry stays empty: no subcluster has been written.
void FillL2(const CreateLayout& layout, std::uint64_t index, MutableByteSpan dst) {
  std::fill(dst.begin(), dst.end(), std::byte{0});
  const std::uint64_t per_table = layout.cluster_size() / layout.l2_entry_bytes;
  const std::uint64_t first = index * per_table;
  const std::uint64_t count = std::min(per_table, Rest(layout.data_clusters, first));
  const std::uint64_t host = (layout.data_in_file ? layout.first_data() : 0) + first;
  for (std::uint64_t i = 0; i < count; ++i) {
    StoreBe(dst.data() + i * layout.l2_entry_bytes, (host + i) << layout.cluster_bits | kCopied);
  }
}

}  // namespace

Result<CreateLayout, Error> PlanImage(const Header& header, bool allocate_all) {
  const Error too_large{Errno{EFBIG},
                        "The image size is too large for file format 'qcow2' (try using a larger "
                        "cluster size)"};
  CreateLayout layout;
  layout.cluster_bits = header.cluster_bits;
  layout.refcount_order = header.refcount_order;
  layout.l2_entry_bytes = header.l2_entry_bytes();
  layout.data_in_file = !header.has_data_file();
  layout.l1_entries = DivideUp(header.size, header.bytes_per_table());
  if (layout.l1_entries > kMaxL1Bytes / kTableEntryBytes) {
    return too_large;
  }
  layout.l1_clusters = DivideUp(layout.l1_entries * kTableEntryBytes, layout.cluster_size());
  if (allocate_all) {
    layout.l2_clusters = layout.l1_entries;
    layout.data_clusters = DivideUp(header.size, layout.cluster_size());
  }
  PlanRefcounts(layout);
  const std::uint64_t last_cluster = std::max(layout.file_clusters(), layout.data_clusters);
  if (layout.table_clusters << layout.cluster_bits > kMaxRefcountTableBytes ||
      last_cluster > kOffsetMask >> layout.cluster_bits) {
    return too_large;
  }
  return layout;
}

void FillTableCluster(const CreateLayout& layout, std::uint64_t cluster, MutableByteSpan dst) {
  FB_ASSERT(cluster >= 1 && cluster < layout.first_data());
  FB_ASSERT(dst.size() == layout.cluster_size());
  const std::uint64_t per_cluster = layout.cluster_size() / kTableEntryBytes;
  if (cluster < layout.first_block()) {
    const std::uint64_t done = (cluster - 1) * per_cluster;
    FillTable(dst, layout.cluster_bits, layout.first_block() + done,
              Rest(layout.block_clusters, done), 0);
  } else if (cluster < layout.first_l1()) {
    FillBlock(layout, cluster - layout.first_block(), dst);
  } else if (cluster < layout.first_l2()) {
    const std::uint64_t done = (cluster - layout.first_l1()) * per_cluster;
    FillTable(dst, layout.cluster_bits, layout.first_l2() + done, Rest(layout.l2_clusters, done),
              kCopied);
  } else {
    FillL2(layout, cluster - layout.first_l2(), dst);
  }
}

}  // namespace fusebay::qcow2
