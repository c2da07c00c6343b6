// Compares the refcounts that an image says with the references that were counted.
#pragma once
#include <cstdint>
#include <vector>

#include "qcow2/qcow2_references.h"

namespace fusebay::qcow2 {

struct Comparison {
  std::uint64_t too_high = 0;
  std::uint64_t too_low = 0;
  bool needs_block = false;  // a cluster is in use that no refcount block counts
  // Refcount blocks (indices in the refcount table) that have a wrong refcount.
  std::vector<std::uint32_t> wrong_blocks;
};

// Reports every difference as a leak or a corruption, and sets the report's image_end_offset.
Comparison CompareRefcounts(const Header& header, const StoredRefcounts& stored,
                            const ReferenceCounts& counts, CheckReport& report);

// Tells in words which of the differences `fix` repairs.
void TellRepairs(const Header& header, const StoredRefcounts& stored, const ReferenceCounts& counts,
                 CheckFix fix, CheckReport& report);

}  // namespace fusebay::qcow2
