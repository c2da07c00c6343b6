// DirPacker: puts directory entries into a READDIR or READDIRPLUS reply, as many as fit whole.
#pragma once
#include "base/iovec.h"
#include "fuse/filesystem.h"

namespace fusebay::fuse {

class DirPacker final : public DirSink {
 public:
  // Fills `dst`, which outlives this, from its beginning.
  DirPacker(const IoVec& dst, bool is_plus, std::uint32_t minor)
      : dst_(dst), is_plus_(is_plus), minor_(minor) {}

  // In a READDIRPLUS reply, an entry without a look-up.
  bool Add(const DirEntry& entry) override;
  // REQUIRES: a READDIRPLUS reply.
  bool AddPlus(const DirEntry& entry, const Entry& looked_up) override;
  std::size_t used() const { return used_; }

 private:
  bool Put(const DirEntry& entry, const Entry& looked_up);
  void Append(const void* data, std::size_t size);

  const IoVec& dst_;
  const bool is_plus_;
  const std::uint32_t minor_;
  std::size_t used_ = 0;
};

}  // namespace fusebay::fuse
