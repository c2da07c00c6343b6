// Probing beyond an image's beginning. Internal to the block layer.
#pragma once
#include <string_view>

#include "base/bytes.h"

namespace fusebay {

inline constexpr std::size_t kProbeHeadBytes = 4096;
inline constexpr std::size_t kProbeTailBytes = 512;

// The format that an image's last kProbeTailBytes say, or "raw".
std::string_view ProbeTail(ByteSpan tail);

}  // namespace fusebay
