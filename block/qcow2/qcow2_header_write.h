// Turns a Header into the bytes of the image's first cluster. No I/O.
#pragma once
#include <cstddef>
#include <vector>

#include "base/result.h"
#include "qcow2/qcow2_header.h"

namespace fusebay::qcow2 {

// The whole header cluster: fixed part, extensions, backing name, zeroes. ParseHeader of it gives
// `header` again, where header_length is what this writes. ENOSPC: all that does not fit into one
// cluster. Messages name no file.
Result<std::vector<std::byte>, Error> EncodeHeader(const Header& header);

// The feature names that a new image has: none where clusters are so small that the table would
// take the room of a backing name.
std::vector<FeatureName> FeatureNamesFor(const Header& header);

}  // namespace fusebay::qcow2
