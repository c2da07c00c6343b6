// Reads the header of a qcow2 file.
#pragma once
#include <string_view>

#include "block/block_ref.h"
#include "qcow2/qcow2_header.h"

namespace fusebay::qcow2 {

// Errors: the file cannot be read, and those of ParseHeader.
Task<Result<Header, Error>> ReadHeader(const BlockRef& file, std::string_view filename,
                                       HeaderUse use = HeaderUse::kOpen);

}  // namespace fusebay::qcow2
