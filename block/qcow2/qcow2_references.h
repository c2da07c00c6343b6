// The walk that a check begins with: everything in an image that refers to a host cluster is
// counted, and what is wrong with it reported.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "block/block_ref.h"
#include "qcow2/l2_scanner.h"
#include "qcow2/qcow2_snapshot.h"

namespace fusebay::qcow2 {

// The image that is checked. All of it outlives the check; `header` changes with a repair.
struct CheckTarget {
  const BlockRef& file;
  Header& header;
  std::string_view filename;
  // Of a snapshot table entry. A check that repairs everything reads more, to take it away.
  std::uint32_t max_snapshot_extra = kMaxSnapshotExtra;
};

struct References {
  ReferenceCounts counts;
  std::vector<std::uint64_t> l1;  // the active L1 table, as far as it is inside the file
  TableUses tables;
  L2Scanner::Found entries;
  // The refcount table or its blocks are wrong themselves: there must be new ones.
  bool needs_rebuild = false;
  std::uint64_t structure_corruptions = 0;  // of what was reported, those
  std::uint64_t broken_snapshots = 0;       // of what was reported, entries that can be made whole
};

struct WalkOptions {
  // The refcount table and its blocks are references, too. Null: they are left out, as if the image
  // had none.
  const StoredRefcounts* stored = nullptr;
  bool check_copied = false;  // REQUIRES: stored
  // So many clusters more than the file has are counted: what refers to them already, although
  // there is nothing yet, must not get what will be there.
  std::uint64_t room = 0;
};

// L1 entries of all snapshots together, those that several of them share once. An image with more
// is refused.
inline constexpr std::uint64_t kMaxL1EntriesOfAll = std::uint64_t{1} << 28;
// Aligned L2 tables are together no larger than the file; others overlap each other.
inline constexpr std::size_t kMaxUnalignedTables = 1024;

// Fills `found`, which REQUIRES: is new. Errors: something cannot be read, so that the counts would
// be too low; or the image needs more memory than is allowed.
Task<Result<Unit, Error>> CountReferences(CheckTarget target, WalkOptions options,
                                          CheckReport& report, References& found);

}  // namespace fusebay::qcow2
