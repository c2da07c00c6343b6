// Collects, sorts and joins uses of L2 tables; what is not yet joined never exceeds what is.
#include "qcow2/table_uses.h"

#include <algorithm>

namespace fusebay::qcow2 {

namespace {

constexpr std::size_t kMinPending = 1 << 16;

bool IsBefore(const TableUse& a, const TableUse& b) {
  return a.offset != b.offset ? a.offset < b.offset : a.guest_offset < b.guest_offset;
}

std::uint32_t SaturatingSum(std::uint32_t a, std::uint32_t b) {
  return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

}  // namespace

void TableUses::Add(std::uint64_t offset, bool active, std::uint64_t guest_offset,
                    std::uint32_t times) {
  tables_.push_back({offset, times, active ? times : 0u, guest_offset});
  if (tables_.size() - merged_ > std::max(kMinPending, merged_)) {
    Merge();
  }
}

void TableUses::Merge() {
  std::sort(tables_.begin(), tables_.end(), IsBefore);
  std::size_t kept = 0;
  for (const TableUse& use : tables_) {
    if (kept > 0 && tables_[kept - 1].offset == use.offset) {
      TableUse& same = tables_[kept - 1];
      same.uses = SaturatingSum(same.uses, use.uses);
      same.active_uses = SaturatingSum(same.active_uses, use.active_uses);
    } else {
      tables_[kept++] = use;
    }
  }
  tables_.resize(kept);
  merged_ = kept;
}

bool TableUses::Finish() {
  Merge();
  return !full();
}

}  // namespace fusebay::qcow2
