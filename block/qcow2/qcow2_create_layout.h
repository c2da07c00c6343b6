// CreateLayout: where everything is in a new image, and what its tables hold. No I/O.
//
// The file holds, in this order: header, refcount table, refcount blocks, L1 table and, when all is
// to be allocated, L2 tables and data. All of it has a refcount of one.
#pragma once
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "qcow2/qcow2_header.h"

namespace fusebay::qcow2 {

struct CreateLayout {
  std::uint32_t cluster_bits = 0;
  std::uint32_t refcount_order = 0;
  std::uint32_t l2_entry_bytes = 8;
  bool data_in_file = true;

  // In clusters; 0 stands for none.
  std::uint64_t table_clusters = 0;  // of the refcount table
  std::uint64_t block_clusters = 0;  // refcount blocks
  std::uint64_t l1_clusters = 0;
  std::uint64_t l2_clusters = 0;
  std::uint64_t data_clusters = 0;  // of the disk, wherever they are
  std::uint64_t l1_entries = 0;

  std::uint64_t first_block() const { return 1 + table_clusters; }
  std::uint64_t first_l1() const { return first_block() + block_clusters; }
  std::uint64_t first_l2() const { return first_l1() + l1_clusters; }
  std::uint64_t first_data() const { return first_l2() + l2_clusters; }
  std::uint64_t file_clusters() const { return first_data() + (data_in_file ? data_clusters : 0); }
  std::uint64_t cluster_size() const { return std::uint64_t{1} << cluster_bits; }
};

// For an image with the cluster size, refcount width, features and size of `header`. EFBIG: its
// tables would be larger than they may be.
Result<CreateLayout, Error> PlanImage(const Header& header, bool allocate_all);

// Fills `dst` with what the file has in the cluster `cluster`, which is one of a table.
// REQUIRES: 1 <= cluster < first_data(), dst has the size of a cluster.
void FillTableCluster(const CreateLayout& layout, std::uint64_t cluster, MutableByteSpan dst);

}  // namespace fusebay::qcow2
