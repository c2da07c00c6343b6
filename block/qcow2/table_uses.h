// TableUses: the L2 tables that L1 tables refer to, each once, with how often it is referred to.
// Snapshots share most of their tables with each other: each is read once.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace fusebay::qcow2 {

struct TableUse {
  std::uint64_t offset = 0;
  std::uint32_t uses = 0;
  std::uint32_t active_uses = 0;   // of those, by the image's own L1 table
  std::uint64_t guest_offset = 0;  // of the first cluster it maps, in its first place
};

class TableUses {
 public:
  // Different tables. An image with more is refused.
  static constexpr std::size_t kMaxTables = std::size_t{1} << 25;

  void Add(std::uint64_t offset, bool active, std::uint64_t guest_offset, std::uint32_t times = 1);
  // Sorts by offset. Whether there are no more than kMaxTables. To be called last.
  bool Finish();
  // Whether there are so many already that there is no point in going on.
  bool full() const { return merged_ > kMaxTables; }
  std::span<const TableUse> tables() const { return tables_; }

 private:
  void Merge();

  std::vector<TableUse> tables_;  // [0, merged_) is sorted, without doubles
  std::size_t merged_ = 0;
};

}  // namespace fusebay::qcow2
