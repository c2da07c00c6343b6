// Internal snapshots: the snapshot table, and which entry a user means.
#pragma once
#include <string_view>
#include <vector>

#include "block/block_ref.h"
#include "block/image_info.h"
#include "qcow2/qcow2_header.h"

namespace fusebay::qcow2 {

struct Snapshot {
  SnapshotInfo info;
  std::uint64_t l1_offset = 0;
  std::uint32_t l1_entries = 0;
  std::uint32_t extra_bytes = 0;  // of its table entry

  // Of its table entry, which is padded to 8.
  std::uint64_t entry_bytes() const {
    return (kSnapshotFixedBytes + extra_bytes + info.id.size() + info.name.size() + 7) / 8 * 8;
  }
};

// As many of `count` snapshots as `table`, the beginning of the snapshot table, has whole.
// `image_size` is the size of a snapshot that does not say its own (version 2). `max_extra`: bytes
// of extra data that an entry may have. Pure.
Result<std::vector<Snapshot>, Error> ParseSnapshots(ByteSpan table, std::uint32_t count,
                                                    std::uint64_t image_size,
                                                    std::string_view filename,
                                                    std::uint32_t max_extra = kMaxSnapshotExtra);

Task<Result<std::vector<Snapshot>, Error>> ReadSnapshots(
    const BlockRef& file, const Header& header, std::string_view filename,
    std::uint32_t max_extra = kMaxSnapshotExtra);

// By id, else by name; null: there is none.
const Snapshot* FindSnapshot(const std::vector<Snapshot>& snapshots, std::string_view id_or_name);

}  // namespace fusebay::qcow2
