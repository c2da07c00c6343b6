// Takes the names out of a request.
#include "fuse/server/args.h"

#include <cstring>

#include "fuse/abi.h"

namespace fusebay::fuse {
namespace {

Errno TooLong(NameRule rule) { return Errno{rule == NameRule::kXattr ? ERANGE : ENAMETOOLONG}; }

std::size_t MaxLength(NameRule rule) {
  return rule == NameRule::kTarget ? abi::kMaxSymlinkTarget : abi::kMaxName;
}

bool IsComponent(std::string_view name) { return name.find('/') == std::string_view::npos; }

bool Obeys(std::string_view name, NameRule rule) {
  switch (rule) {
    case NameRule::kLookup:
      return IsComponent(name);
    case NameRule::kEntry:
      return IsComponent(name) && name != "." && name != "..";
    case NameRule::kNone:
    case NameRule::kTarget:
    case NameRule::kXattr:
    case NameRule::kAny:
      return true;
  }
  return false;
}

}  // namespace

Result<std::string_view> TakeName(ByteSpan& rest, NameRule rule) {
  const void* const end = rest.empty() ? nullptr : std::memchr(rest.data(), 0, rest.size());
  if (end == nullptr) {
    return Errno{EINVAL};
  }
  const auto length = static_cast<std::size_t>(static_cast<const std::byte*>(end) - rest.data());
  const std::string_view name(reinterpret_cast<const char*>(rest.data()), length);
  if (name.empty()) {
    return Errno{EINVAL};
  }
  if (length > MaxLength(rule)) {
    return TooLong(rule);
  }
  if (!Obeys(name, rule)) {
    return Errno{EINVAL};
  }
  rest = rest.subspan(length + 1);
  return name;
}

}  // namespace fusebay::fuse
