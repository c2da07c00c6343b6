// What the options of a new image mean for its header.
#pragma once
#include "block/qcow2_create.h"
#include "qcow2/qcow2_header.h"

namespace fusebay::qcow2 {

// Without the places of the tables. REQUIRES: the numbers in `options` are allowed.
Header NewHeader(const Qcow2CreateOptions& options);

// Whether every cluster of the disk gets its place at once.
bool AllocatesAll(const Qcow2CreateOptions& options);

}  // namespace fusebay::qcow2
