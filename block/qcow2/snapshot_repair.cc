// Rewrites the snapshot table with the means of a writer: allocator, header, release.
#include "qcow2/snapshot_repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/align.h"
#include "qcow2/allocator.h"
#include "qcow2/header_update.h"
#include "qcow2/qcow2_io.h"

namespace fusebay::qcow2 {

namespace {

constexpr std::uint32_t kWholeExtra = 16;
constexpr std::size_t kAtVmStateSize = 32;  // in an entry, as in version 2
constexpr std::size_t kAtExtraBytes = 36;

Error CannotWrite(CheckTarget target, Errno cause) {
  return Error{cause, fmt::format("{}: cannot write the snapshot table: {}", target.filename,
                                  std::strerror(cause.value()))};
}

// Extra data of an entry as it should be. A size of the disk that the entry does not say is the
// image's.
std::vector<std::byte> WholeExtra(ByteSpan entry, ByteSpan extra, const Header& header) {
  std::vector<std::byte> whole(extra.begin(), extra.end());
  whole.resize(std::min<std::size_t>(whole.size(), kMaxSnapshotExtra));
  if (HasWholeExtra(header, static_cast<std::uint32_t>(whole.size()))) {
    return whole;
  }
  const bool has_state = whole.size() >= sizeof(std::uint64_t);
  whole.resize(kWholeExtra);
  if (!has_state) {
    StoreBe<std::uint64_t>(whole.data(), LoadBe<std::uint32_t>(entry.data() + kAtVmStateSize));
  }
  StoreBe<std::uint64_t>(whole.data() + sizeof(std::uint64_t), header.size);
  return whole;
}

void Say(std::size_t index, std::uint32_t extra, const Header& header, CheckReport& report) {
  if (!HasWholeExtra(header, extra)) {
    report.Say(fmt::format("Repairing snapshot table entry {} is incomplete", index));
  } else if (extra > kMaxSnapshotExtra) {
    report.Say(
        fmt::format("Discarding too much extra metadata in snapshot table entry {} ({} > {})",
                    index, extra, kMaxSnapshotExtra));
  }
}

void Append(std::vector<std::byte>& table, ByteSpan bytes) {
  table.insert(table.end(), bytes.begin(), bytes.end());
}

std::uint64_t ClustersOf(const Header& header, std::uint64_t bytes) {
  return AlignUp(bytes, header.cluster_size()) >> header.cluster_bits;
}

Task<Result<>> Replace(CheckTarget target, Allocator& allocator, std::vector<std::byte>& table,
                       std::uint64_t old_clusters) {
  CO_ASSIGN(const Allocator::Extent place,
            co_await allocator.AllocateRun(ClustersOf(target.header, table.size())));
  const Result<> counted = co_await allocator.WriteBack();
  CO_TRY(counted);
  const iovec iov{table.data(), table.size()};
  const Result<> written = co_await target.file.Write(place.offset, IoVec::Of(iov), {});
  CO_TRY(written);
  const Result<> flushed = co_await target.file.Flush(FlushMode::kDisk);
  CO_TRY(flushed);
  const std::uint64_t old_offset = target.header.snapshots_offset;
  const Result<> in_use = co_await WriteSnapshotsPlace(target.file, target.header, place.offset);
  CO_TRY(in_use);
  const Result<> released = co_await allocator.Release(old_offset, old_clusters);
  CO_TRY(released);
  const Result<> uncounted = co_await allocator.WriteBack();
  CO_TRY(uncounted);
  const Result<> trimmed = co_await allocator.TrimFile();
  CO_TRY(trimmed);
  const Result<> durable = co_await target.file.Flush(FlushMode::kDisk);
  co_return durable;
}

}  // namespace

bool HasWholeExtra(const Header& header, std::uint32_t extra_bytes) {
  return header.version < 3 || extra_bytes >= kWholeExtra;
}

std::vector<std::byte> WholeSnapshotTable(ByteSpan table, const Header& header,
                                          CheckReport& report) {
  std::vector<std::byte> whole;
  for (std::size_t i = 0; i < header.snapshot_count; ++i) {
    const auto extra = LoadBe<std::uint32_t>(table.data() + kAtExtraBytes);
    const std::size_t names = std::size_t{LoadBe<std::uint16_t>(table.data() + 12)} +
                              LoadBe<std::uint16_t>(table.data() + 14);
    const std::size_t names_at = std::size_t{kSnapshotFixedBytes} + extra;
    Say(i, extra, header, report);
    const std::vector<std::byte> whole_extra =
        WholeExtra(table, table.subspan(kSnapshotFixedBytes, extra), header);
    const std::size_t entry_at = whole.size();
    Append(whole, table.first(kSnapshotFixedBytes));
    StoreBe(whole.data() + entry_at + kAtExtraBytes,
            static_cast<std::uint32_t>(whole_extra.size()));
    Append(whole, whole_extra);
    Append(whole, table.subspan(names_at, names));
    whole.resize(AlignUp(whole.size(), 8));
    table = table.subspan(std::min<std::size_t>(AlignUp(names_at + names, 8), table.size()));
  }
  return whole;
}

Task<Result<Unit, Error>> RepairSnapshotTable(CheckTarget target, CheckReport& report) {
  Header& header = target.header;
  CO_ASSIGN(
      const std::vector<Snapshot> snapshots,
      co_await ReadSnapshots(target.file, header, target.filename, target.max_snapshot_extra));
  std::uint64_t bytes = 0;
  for (const Snapshot& snapshot : snapshots) {
    bytes += snapshot.entry_bytes();
  }
  std::vector<std::byte> old(std::min(bytes, target.file.size() - header.snapshots_offset));
  CO_TRY(co_await ReadTable(target.file, header.snapshots_offset, old,
                            TableName{target.filename, "the snapshot table"}));
  std::vector<std::byte> whole = WholeSnapshotTable(old, header, report);
  CO_ASSIGN(std::vector<std::uint64_t> refcount_table,
            co_await ReadEntries(target.file, header.refcount_table_offset,
                                 header.refcount_table_entries(),
                                 TableName{target.filename, "the refcount table"}));
  MetadataPlaces places(header.cluster_bits);
  places.Add(0, header.cluster_size());
  Refcounts refcounts(target.file, header, places, std::move(refcount_table), 0);
  Allocator allocator(target.file, header, places, refcounts);
  const Result<> replaced = co_await Replace(target, allocator, whole, ClustersOf(header, bytes));
  if (!replaced.ok()) {
    co_return CannotWrite(target, replaced.error());
  }
  co_return Unit{};
}

}  // namespace fusebay::qcow2
