// Steps of opening an image that a reopen takes, too.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "qcow2/qcow2_image.h"

namespace fusebay::qcow2 {

// Whether the image may be written. "FILE: cannot be written: its file (node 'X') is read-only",
// ... a snapshot (its id or name; empty: none) cannot be written, ... is marked as corrupt.
Result<Unit, Error> CheckMayWrite(const Image& image, const std::string& snapshot);

// The entries of an L1 table, in our byte order. REQUIRES: CheckL1 has taken its place.
Task<Result<std::vector<std::uint64_t>, Error>> ReadL1(const Image& image, L1Place place);

}  // namespace fusebay::qcow2
