// A step of opening an image that a reopen takes, too.
#pragma once
#include <string>

#include "qcow2/qcow2_image.h"

namespace fusebay::qcow2 {

// Whether the image may be written. "FILE: cannot be written: its file (node 'X') is read-only",
// ... a snapshot (its id or name; empty: none) cannot be written, ... is marked as corrupt.
Result<Unit, Error> CheckMayWrite(const Image& image, const std::string& snapshot);

}  // namespace fusebay::qcow2
