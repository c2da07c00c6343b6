// Whether an image has much data that is only holes in its file.
#pragma once
#include "core/task.h"
#include "qcow2/qcow2_image.h"

namespace fusebay::qcow2 {

// By QEMU's rule, so that both see the same holes: more clusters are in use than the file has space
// for. False where that cannot be found out.
Task<bool> IsSparse(const Image& image);

}  // namespace fusebay::qcow2
