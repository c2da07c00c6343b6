// Checks a secret before it is taken.
#pragma once
#include "core/task.h"
#include "qapi/generated/types.h"

namespace fusebay {

inline constexpr std::size_t kMaxSecretSize = std::size_t{1} << 20;

// Either data or file must be given; the file can be read, and Base64 is Base64. Messages are
// QEMU's: "Either 'file' or 'data' must be provided", "'file' and 'data' are mutually exclusive",
// "Unable to read P: ...", "Base64 data contains invalid characters". `secret` outlives the task.
Task<Result<Unit, Error>> CheckSecret(const qapi::SecretProperties& secret);

}  // namespace fusebay
