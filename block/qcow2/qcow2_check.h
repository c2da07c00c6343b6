// Checks and repairs a qcow2 image that no node has open. The rules and the order of a repair are
// in docs/formats/qcow2.md.
#pragma once
#include <string_view>

#include "block/block_ref.h"
#include "block/check_image.h"
#include "qcow2/qcow2_header.h"

namespace fusebay::qcow2 {

// `file` REQUIRES: nobody else uses it; with a fix it may be written and resized. `header` is what
// the file has, and is kept so. `observer` may be null. All outlive the task.
//
// The result is what is true at the end: after a repair that of a second check, with what was
// fixed. A repair that leaves no corruption clears the dirty and the corrupt bit.
Task<Result<CheckResult, Error>> CheckTables(const BlockRef& file, Header& header,
                                             std::string_view filename, CheckFix fix,
                                             CheckObserver* observer);

// Makes an image writable that was not closed properly: its refcounts are made right and its dirty
// bit is cleared. Error: a corruption is left; then the bit is left, too.
Task<Result<Unit, Error>> RepairDirty(const BlockRef& file, Header& header,
                                      std::string_view filename);

// For the tool: reads the header, then as CheckTables.
Task<Result<CheckResult, Error>> CheckQcow2(const BlockRef& file, std::string_view filename,
                                            CheckFix fix, CheckObserver& observer);

}  // namespace fusebay::qcow2
