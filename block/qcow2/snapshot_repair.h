// Makes a snapshot table whole: entries that lack what version 3 has, or that have too much.
#pragma once
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "qcow2/check_report.h"
#include "qcow2/qcow2_references.h"

namespace fusebay::qcow2 {

// Entries of version 3 have at least two fields of extra data: 16 bytes.
bool HasWholeExtra(const Header& header, std::uint32_t extra_bytes);

// `table`, which REQUIRES: has `header.snapshot_count` whole entries, with entries made whole. Says
// which ones. Pure.
std::vector<std::byte> WholeSnapshotTable(ByteSpan table, const Header& header,
                                          CheckReport& report);

// Writes the whole table to new clusters and gives those of the old one back. A power cut leaves
// the old table or the new one, and leaks at worst. REQUIRES: the refcounts are right.
Task<Result<Unit, Error>> RepairSnapshotTable(CheckTarget target, CheckReport& report);

}  // namespace fusebay::qcow2
