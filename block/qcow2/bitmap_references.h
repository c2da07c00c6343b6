// Counts what the persistent bitmaps of an image refer to: directory, tables and bitmap data.
#pragma once
#include <string_view>

#include "block/block_ref.h"
#include "qcow2/qcow2_header.h"
#include "qcow2/region_counter.h"

namespace fusebay::qcow2 {

// Errors: the directory or a table cannot be read or is wrong, so that it is not known what else
// belongs to the bitmaps.
Task<Result<Unit, Error>> CountBitmaps(const BlockRef& file, const Header& header,
                                       std::string_view filename, RegionCounter& regions,
                                       CheckReport& report);

}  // namespace fusebay::qcow2
