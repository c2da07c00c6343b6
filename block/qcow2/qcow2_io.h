// Reads that the rest of the driver shares: whole tables at open, and data up to a node's end.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "block/block_ref.h"
#include "qcow2/table_cache.h"

namespace fusebay::qcow2 {

// What a failed read is to be called: "FILE: cannot read WHAT: reason".
struct TableName {
  std::string_view filename;
  std::string_view what;
};

// Fills dst, which REQUIRES: lies inside the file.
Task<Result<Unit, Error>> ReadTable(const BlockRef& file, std::uint64_t offset, MutableByteSpan dst,
                                    TableName name);

// Reads `count` entries of 64 bits, as L1 and refcount tables have them. What lies past the end of
// the file is zeroes: entries that refer to nothing.
Task<Result<std::vector<std::uint64_t>, Error>> ReadEntries(const BlockRef& file,
                                                            std::uint64_t offset, std::size_t count,
                                                            TableName name);

// Fills dst; what lies past the node's end is zeroes. No frame where nothing does.
Task<Result<>> ReadOrZero(const BlockRef& ref, std::uint64_t offset, IoVec dst);

// Writes changed slices, neighbours with one write.
Task<Result<>> WriteSlices(const BlockRef& file, const std::vector<TableCache::Copy>& slices);

}  // namespace fusebay::qcow2
