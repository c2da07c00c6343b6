// What a user of a node does with it, and what it lets the node's other users do. The bits are
// those of QEMU's image locks (docs/protocols/image-locking.md).
#pragma once
#include <cstdint>

namespace fusebay {

enum Permission : std::uint32_t {
  kPermConsistentRead = 1u << 0,
  kPermWrite = 1u << 1,
  kPermWriteUnchanged = 1u << 2,
  kPermResize = 1u << 3,
};
inline constexpr std::uint32_t kPermAll = 0xf;

struct PermissionSet {
  std::uint32_t used = 0;
  std::uint32_t shared = kPermAll;

  // Of several users of one node: everything used by any, shared by all.
  PermissionSet With(const PermissionSet& other) const {
    return {used | other.used, shared & other.shared};
  }
  bool ConflictsWith(const PermissionSet& other) const {
    return (used & ~other.shared) != 0 || (other.used & ~shared) != 0;
  }
  friend bool operator==(const PermissionSet&, const PermissionSet&) = default;
};

}  // namespace fusebay
