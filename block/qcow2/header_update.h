// Changes single fields of an image's header in place. Each lies within one sector, so that a power
// cut leaves the old value or the new one.
#pragma once
#include <cstdint>

#include "block/block_ref.h"
#include "qcow2/qcow2_header.h"

namespace fusebay::qcow2 {

// All are on the disk when they return, and in `header` then.
Task<Result<>> WriteIncompatible(const BlockRef& file, Header& header, std::uint64_t features);
Task<Result<>> WriteAutoclear(const BlockRef& file, Header& header, std::uint64_t features);
Task<Result<>> WriteSize(const BlockRef& file, Header& header, std::uint64_t size);
Task<Result<>> WriteL1Place(const BlockRef& file, Header& header, std::uint64_t offset,
                            std::uint32_t entries);
Task<Result<>> WriteRefcountTablePlace(const BlockRef& file, Header& header, std::uint64_t offset,
                                       std::uint32_t clusters);
Task<Result<>> WriteSnapshotsPlace(const BlockRef& file, Header& header, std::uint64_t offset);

}  // namespace fusebay::qcow2
