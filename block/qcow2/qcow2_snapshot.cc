// Parses the snapshot table, whose entries vary in length.
#include "qcow2/qcow2_snapshot.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/align.h"
#include "qcow2/qcow2_io.h"

namespace fusebay::qcow2 {

namespace {

constexpr std::uint64_t kFirstReadBytes = 64 * kKiB;
// Extra data, as far as it is defined: its length up to and including each field.
constexpr std::uint32_t kExtraVmStateSize = 8;
constexpr std::uint32_t kExtraVirtualSize = 16;
constexpr std::uint32_t kExtraInstructionCount = 24;

std::string TextAt(ByteSpan bytes, std::size_t at, std::size_t length) {
  const ByteSpan text = bytes.subspan(at, length);
  return {reinterpret_cast<const char*>(text.data()), text.size()};
}

// `entry` is a whole one.
Snapshot ParseEntry(ByteSpan entry, std::uint32_t extra, std::uint64_t image_size) {
  const std::byte* const p = entry.data();
  const auto id_length = LoadBe<std::uint16_t>(p + 12);
  const auto name_length = LoadBe<std::uint16_t>(p + 14);
  Snapshot snapshot;
  snapshot.l1_offset = LoadBe<std::uint64_t>(p);
  snapshot.l1_entries = LoadBe<std::uint32_t>(p + 8);
  snapshot.extra_bytes = extra;
  SnapshotInfo& info = snapshot.info;
  info.date_sec = LoadBe<std::uint32_t>(p + 16);
  info.date_nsec = LoadBe<std::uint32_t>(p + 20);
  info.vm_clock_nsec = LoadBe<std::uint64_t>(p + 24);
  info.vm_state_size = LoadBe<std::uint32_t>(p + 32);
  info.virtual_size = image_size;
  if (extra >= kExtraVmStateSize) {
    info.vm_state_size = LoadBe<std::uint64_t>(p + kSnapshotFixedBytes);
  }
  if (extra >= kExtraVirtualSize) {
    info.virtual_size = LoadBe<std::uint64_t>(p + kSnapshotFixedBytes + kExtraVmStateSize);
  }
  if (extra >= kExtraInstructionCount) {
    info.icount = static_cast<std::int64_t>(
        LoadBe<std::uint64_t>(p + kSnapshotFixedBytes + kExtraVirtualSize));
  }
  info.id = TextAt(entry, kSnapshotFixedBytes + extra, id_length);
  info.name = TextAt(entry, kSnapshotFixedBytes + extra + id_length, name_length);
  return snapshot;
}

}  // namespace

Result<std::vector<Snapshot>, Error> ParseSnapshots(ByteSpan table, std::uint32_t count,
                                                    std::uint64_t image_size,
                                                    std::string_view filename,
                                                    std::uint32_t max_extra) {
  std::vector<Snapshot> snapshots;
  while (snapshots.size() < count && table.size() >= kSnapshotFixedBytes) {
    const auto extra = LoadBe<std::uint32_t>(table.data() + 36);
    if (extra > max_extra) {
      return Error{Errno{EINVAL},
                   fmt::format("{}: Snapshot table entry {} has {} bytes of extra data, allowed "
                               "are {}; fusebay img check -r all takes the rest away",
                               filename, snapshots.size(), extra, max_extra)};
    }
    const std::size_t length = std::size_t{kSnapshotFixedBytes} + extra +
                               LoadBe<std::uint16_t>(table.data() + 12) +
                               LoadBe<std::uint16_t>(table.data() + 14);
    if (length > table.size()) {
      break;
    }
    snapshots.push_back(ParseEntry(table.first(length), extra, image_size));
    table = table.subspan(std::min<std::size_t>(AlignUp(length, 8), table.size()));
  }
  return snapshots;
}

// The table's length is not known before it is parsed: read more until it is whole.
Task<Result<std::vector<Snapshot>, Error>> ReadSnapshots(const BlockRef& file, const Header& header,
                                                         std::string_view filename,
                                                         std::uint32_t max_extra) {
  const std::uint64_t there = file.size() - std::min(file.size(), header.snapshots_offset);
  const std::uint64_t most = std::min(there, kMaxSnapshotTableBytes);
  std::vector<std::byte> table;
  while (header.snapshot_count != 0) {
    table.resize(std::min(most, std::max<std::uint64_t>(kFirstReadBytes, table.size() * 4)));
    CO_TRY(co_await ReadTable(file, header.snapshots_offset, table,
                              TableName{filename, "the snapshot table"}));
    auto snapshots = ParseSnapshots(table, header.snapshot_count, header.size, filename, max_extra);
    if (!snapshots.ok() || snapshots->size() == header.snapshot_count) {
      co_return std::move(snapshots);
    }
    if (table.size() == most) {
      const std::string_view why =
          there > most ? "is too large" : "lies beyond the end of the file";
      co_return Error{Errno{EINVAL}, fmt::format("{}: Snapshot table at {:#x} {}", filename,
                                                 header.snapshots_offset, why)};
    }
  }
  co_return std::vector<Snapshot>{};
}

const Snapshot* FindSnapshot(const std::vector<Snapshot>& snapshots, std::string_view id_or_name) {
  for (const Snapshot& snapshot : snapshots) {
    if (snapshot.info.id == id_or_name) {
      return &snapshot;
    }
  }
  for (const Snapshot& snapshot : snapshots) {
    if (snapshot.info.name == id_or_name) {
      return &snapshot;
    }
  }
  return nullptr;
}

}  // namespace fusebay::qcow2
