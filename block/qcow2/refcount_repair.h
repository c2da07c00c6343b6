// Makes an image's refcounts right: in place where the refcount structure is sound, else by making
// a new one beside the old. docs/formats/qcow2.md says why a power cut does no harm.
#pragma once
#include <cstdint>

#include "qcow2/refcount_comparison.h"

namespace fusebay::qcow2 {

// Sets the refcounts in the blocks that `wrong` names to `counts`: with kLeaks only those that are
// too high. REQUIRES: nothing but the refcount table refers to the blocks. Not flushed.
Task<Result<Unit, Error>> WriteRefcounts(CheckTarget target, const StoredRefcounts& stored,
                                         const ReferenceCounts& counts, const Comparison& wrong,
                                         CheckFix fix);

// For how many clusters more than the file has RebuildRefcounts needs counts.
std::uint64_t RoomForRebuild(const Header& header, std::uint64_t file_size);

// Writes a new refcount table and blocks that say `counts`, and makes the image use them. `counts`
// REQUIRES: has room, and everything is counted in it but the old table and blocks; gets what the
// new ones refer to. `occupied`: counts in which the old ones are counted, too, for they stay what
// they are until the new ones are in use. On the disk when it returns.
Task<Result<Unit, Error>> RebuildRefcounts(CheckTarget target, const ReferenceCounts& occupied,
                                           ReferenceCounts& counts);

}  // namespace fusebay::qcow2
