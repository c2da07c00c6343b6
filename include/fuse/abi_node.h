// The wire format of FUSE's requests about names and nodes: look-ups, creation, removal.
#pragma once
#include <cstddef>
#include <cstdint>

#include "fuse/abi_attr.h"

namespace fusebay::fuse::abi {

// LOOKUP: a name. Also the reply of MKNOD, MKDIR, SYMLINK and LINK, and the first part of CREATE's.
struct EntryOut {
  std::uint64_t nodeid;  // 0: no such entry, which may be cached
  std::uint64_t generation;
  std::uint64_t entry_valid;
  std::uint64_t attr_valid;
  std::uint32_t entry_valid_ns;
  std::uint32_t attr_valid_ns;
  Attr attr;
};
static_assert(sizeof(EntryOut) == 128);
inline constexpr std::size_t kEntryOutCompatBytes = 120;  // before 7.9

struct ForgetIn {
  std::uint64_t lookups;
};
static_assert(sizeof(ForgetIn) == 8);

// BATCH_FORGET: this, then `count` times ForgetOne.
struct BatchForgetIn {
  std::uint32_t count;
  std::uint32_t padding;
};
static_assert(sizeof(BatchForgetIn) == 8);
struct ForgetOne {
  std::uint64_t nodeid;
  std::uint64_t lookups;
};
static_assert(sizeof(ForgetOne) == 16);

// MKNOD: this, then a name.
struct MknodIn {
  std::uint32_t mode;
  std::uint32_t rdev;
  std::uint32_t umask;  // from 7.12, as is `padding`
  std::uint32_t padding;
};
static_assert(sizeof(MknodIn) == 16);
inline constexpr std::size_t kMknodInCompatBytes = 8;  // before 7.12

// MKDIR: this, then a name. Before 7.12 umask is padding.
struct MkdirIn {
  std::uint32_t mode;
  std::uint32_t umask;
};
static_assert(sizeof(MkdirIn) == 8);

// RENAME and RENAME2: this, then the old name and the new one.
struct RenameIn {
  std::uint64_t new_parent;
};
static_assert(sizeof(RenameIn) == 8);
struct Rename2In {
  std::uint64_t new_parent;
  std::uint32_t flags;
  std::uint32_t padding;
};
static_assert(sizeof(Rename2In) == 16);

// LINK: this, then the new name.
struct LinkIn {
  std::uint64_t old_nodeid;
};
static_assert(sizeof(LinkIn) == 8);

struct AccessIn {
  std::uint32_t mask;
  std::uint32_t padding;
};
static_assert(sizeof(AccessIn) == 8);

struct SyncFsIn {
  std::uint64_t padding;
};
static_assert(sizeof(SyncFsIn) == 8);

}  // namespace fusebay::fuse::abi
