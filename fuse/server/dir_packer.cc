// DirPacker: puts directory entries into a READDIR or READDIRPLUS reply.
#include "fuse/server/dir_packer.h"

#include "fuse/abi.h"
#include "fuse/server/reply.h"

namespace fusebay::fuse {

bool DirPacker::Add(const DirEntry& entry) { return Put(entry, Entry{}); }

bool DirPacker::AddPlus(const DirEntry& entry, const Entry& looked_up) {
  FB_ASSERT(is_plus_);
  return Put(entry, looked_up);
}

// The kernel ends a directory's reading with EIO at a name that is empty or has a '/'.
bool DirPacker::Put(const DirEntry& entry, const Entry& looked_up) {
  FB_ASSERT(!entry.name.empty() && entry.name.size() <= abi::kMaxName);
  FB_ASSERT(entry.name.find('/') == std::string_view::npos);
  const std::size_t entry_size = is_plus_ ? EntryOutSize(minor_) : 0;
  const std::size_t plain_size = entry_size + sizeof(abi::Dirent) + entry.name.size();
  const std::size_t size = abi::AlignRecord(plain_size);
  if (size > dst_.size - used_) {
    return false;
  }
  if (is_plus_) {
    const abi::EntryOut out = EncodeEntry(looked_up);
    Append(&out, entry_size);
  }
  const abi::Dirent dirent{.ino = entry.ino,
                           .next_offset = entry.next_offset,
                           .namelen = static_cast<std::uint32_t>(entry.name.size()),
                           .type = entry.type};
  Append(&dirent, sizeof dirent);
  Append(entry.name.data(), entry.name.size());
  constexpr std::byte kZeroes[8]{};
  Append(kZeroes, size - plain_size);
  return true;
}

void DirPacker::Append(const void* data, std::size_t size) {
  dst_.Slice(used_, size).CopyFrom(static_cast<const std::byte*>(data));
  used_ += size;
}

}  // namespace fusebay::fuse
