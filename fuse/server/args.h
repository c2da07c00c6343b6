// Takes the names out of a request.
#pragma once
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace fusebay::fuse {

// What a name in a request must be. None may be empty or lack its NUL.
enum class NameRule : std::uint8_t {
  kNone,    // there is no name
  kLookup,  // one component of a path; "." and ".." are let through
  kEntry,   // one component of a path, for a real entry
  kTarget,  // a symbolic link's target
  kXattr,   // an extended attribute
  kAny,     // TMPFILE's: Linux sends "/", and nobody looks at it
};

// Takes one NUL-terminated name off the front of `rest`. EINVAL if it breaks the rule,
// ENAMETOOLONG (ERANGE for an extended attribute) if it is too long.
Result<std::string_view> TakeName(ByteSpan& rest, NameRule rule);

}  // namespace fusebay::fuse
