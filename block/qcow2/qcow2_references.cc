// Walks header, L1 and L2 tables, snapshots, bitmaps and the refcount structure.
#include "qcow2/qcow2_references.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/align.h"
#include "qcow2/bitmap_references.h"
#include "qcow2/extent_reader.h"
#include "qcow2/qcow2_io.h"

namespace fusebay::qcow2 {

namespace {

constexpr std::uint32_t kFullSnapshotExtra = 16;  // version 3 has at least these two fields

// Gives each L2 table to the scanner.
class TableReader : public ExtentReader {
 public:
  TableReader(const References& found, const Header& header, L2Scanner& scanner,
              CheckReport& report)
      : tables_(found.tables.tables()),
        cluster_(header.cluster_size()),
        scanner_(scanner),
        report_(report) {}
  std::size_t count() const override { return tables_.size(); }
  Extent At(std::size_t index) const override { return {tables_[index].offset, cluster_}; }
  Result<> Take(std::size_t index, const Result<ByteSpan>& bytes) override {
    FB_TRY(bytes);
    scanner_.Scan(tables_[index], bytes->data());
    report_.Progress((index + 1) * cluster_, tables_.size() * cluster_);
    return Ok();
  }

 private:
  const std::span<const TableUse> tables_;
  const std::uint32_t cluster_;
  L2Scanner& scanner_;
  CheckReport& report_;
};

class Walk {
 public:
  Walk(CheckTarget target, WalkOptions options, CheckReport& report, References& found)
      : target_(target),
        options_(options),
        report_(report),
        found_(found),
        regions_(found.counts, report, target.header.cluster_bits,
                 target.file.size() + (options.room << target.header.cluster_bits)) {}

  Task<Result<Unit, Error>> Run();

 private:
  const Header& header() const { return target_.header; }
  Error Unreadable(std::string_view what, Errno cause) const {
    return Error{cause, fmt::format("{}: cannot read {}: {}", target_.filename, what,
                                    std::strerror(cause.value()))};
  }
  Task<Result<std::vector<std::uint64_t>, Error>> ReadL1(std::uint64_t offset,
                                                         std::uint64_t entries);
  Task<Result<Unit, Error>> WalkActive();
  Task<Result<Unit, Error>> WalkSnapshots();
  Task<Result<Unit, Error>> WalkSnapshot(const Snapshot& snapshot);
  Task<Result<Unit, Error>> WalkTables();
  void WalkL1(std::span<const std::uint64_t> l1, bool active);
  void CheckCopied(std::size_t index, std::uint64_t entry);
  void WalkEncryption();
  void WalkRefcounts();
  void WalkRefcountBlock(std::size_t index, std::uint64_t entry);
  void BreakStructure(std::string_view line);

  const CheckTarget target_;
  const WalkOptions options_;
  CheckReport& report_;
  References& found_;
  RegionCounter regions_;
  std::uint64_t l1_entries_ = 0;
  std::size_t unaligned_tables_ = 0;
};

Task<Result<Unit, Error>> Walk::Run() {
  const std::uint64_t clusters =
      RegionCounter::ClustersFor(target_.file.size(), header().cluster_bits);
  const Result<> room = found_.counts.Reset(clusters + options_.room);
  if (!room.ok()) {
    co_return TooManyClusters(target_.filename, room.error());
  }
  regions_.Count(0, header().cluster_size());
  CO_TRY(co_await WalkActive());
  CO_TRY(co_await WalkSnapshots());
  WalkEncryption();
  CO_TRY(co_await CountBitmaps(target_.file, header(), target_.filename, regions_, report_));
  CO_TRY(co_await WalkTables());
  if (options_.stored != nullptr) {
    WalkRefcounts();
  }
  if (found_.counts.exhausted()) {
    co_return TooManyClusters(target_.filename, Errno{EFBIG});
  }
  co_return Unit{};
}

// As far as the table lies inside the file; the rest is zeroes, which refer to nothing.
Task<Result<std::vector<std::uint64_t>, Error>> Walk::ReadL1(std::uint64_t offset,
                                                             std::uint64_t entries) {
  const std::uint64_t size = target_.file.size();
  const std::uint64_t there = offset < size ? (size - offset) / 8 : 0;
  std::vector<std::uint64_t> l1(std::min(entries, there));
  l1_entries_ += l1.size();
  if (l1_entries_ > kMaxL1EntriesOfAll) {
    co_return Error{Errno{EFBIG}, fmt::format("{}: the snapshots have more than {} L1 entries",
                                              target_.filename, kMaxL1EntriesOfAll)};
  }
  const iovec iov{l1.data(), l1.size() * 8};
  const Result<> read = co_await target_.file.Read(std::min(offset, size), IoVec::Of(iov));
  if (!read.ok()) {
    co_return Unreadable(fmt::format("the L1 table at {:#x}", offset), read.error());
  }
  for (std::uint64_t& entry : l1) {
    entry = LoadBe<std::uint64_t>(&entry);
  }
  co_return l1;
}

Task<Result<Unit, Error>> Walk::WalkActive() {
  regions_.Count(header().l1_offset, std::uint64_t{header().l1_entries} * 8);
  CO_ASSIGN(found_.l1, co_await ReadL1(header().l1_offset, header().l1_entries));
  WalkL1(found_.l1, true);
  co_return Unit{};
}

Task<Result<Unit, Error>> Walk::WalkSnapshots() {
  CO_ASSIGN(const std::vector<Snapshot> snapshots,
            co_await ReadSnapshots(target_.file, header(), target_.filename));
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < snapshots.size(); ++i) {
    bytes += snapshots[i].entry_bytes();
    if (header().version >= 3 && snapshots[i].extra_bytes < kFullSnapshotExtra) {
      report_.Corrupt(fmt::format("ERROR snapshot table entry {} is incomplete", i));
    }
  }
  if (header().has_data_file() && !snapshots.empty()) {
    report_.Corrupt(
        fmt::format("ERROR {} snapshots in image with data file: the data file may be "
                    "corrupted by writing to the image",
                    snapshots.size()));
  }
  for (const Snapshot& snapshot : snapshots) {
    CO_TRY(co_await WalkSnapshot(snapshot));
  }
  regions_.Count(header().snapshots_offset, bytes);
  co_return Unit{};
}

Task<Result<Unit, Error>> Walk::WalkSnapshot(const Snapshot& snapshot) {
  const auto wrong = [&snapshot](std::string_view field, std::uint64_t value,
                                 std::string_view what) {
    return fmt::format(
        "ERROR snapshot {} ({}) {}={:#x}: L1 table is {}; snapshot table entry "
        "corrupted",
        snapshot.info.id, snapshot.info.name, field, value, what);
  };
  if (!IsAligned(snapshot.l1_offset, header().cluster_size())) {
    report_.Corrupt(wrong("l1_offset", snapshot.l1_offset, "not cluster aligned"));
    co_return Unit{};
  }
  if (snapshot.l1_entries > kMaxL1Bytes / 8) {
    report_.Corrupt(wrong("l1_size", snapshot.l1_entries, "too large"));
    co_return Unit{};
  }
  regions_.Count(snapshot.l1_offset, std::uint64_t{snapshot.l1_entries} * 8);
  CO_ASSIGN(const std::vector<std::uint64_t> l1,
            co_await ReadL1(snapshot.l1_offset, snapshot.l1_entries));
  WalkL1(l1, false);
  if (found_.tables.full()) {
    co_return TooManyClusters(target_.filename, Errno{EFBIG});
  }
  co_return Unit{};
}

void Walk::WalkL1(std::span<const std::uint64_t> l1, bool active) {
  const std::uint64_t cluster = header().cluster_size();
  for (std::size_t i = 0; i < l1.size(); ++i) {
    const std::uint64_t entry = l1[i];
    if (entry == 0) {
      continue;
    }
    const std::uint64_t offset = entry & kOffsetMask;
    if ((entry & ~(kCopied | kOffsetMask)) != 0) {
      report_.Corrupt(fmt::format("ERROR found L1 entry with reserved bits set: {:x}", entry));
    }
    if (offset == 0) {
      continue;
    }
    regions_.Count(offset, cluster);
    if (!IsAligned(offset, cluster)) {
      report_.Corrupt(fmt::format(
          "ERROR l2_offset={:x}: Table is not cluster aligned; L1 entry corrupted", offset));
      ++unaligned_tables_;
    }
    if (active && options_.check_copied) {
      CheckCopied(i, entry);
    }
    if (offset < regions_.file_size() && unaligned_tables_ <= kMaxUnalignedTables) {
      found_.tables.Add(offset, active, i * header().bytes_per_table());
    }
  }
}

void Walk::CheckCopied(std::size_t index, std::uint64_t entry) {
  const std::uint64_t cluster = (entry & kOffsetMask) >> header().cluster_bits;
  const std::uint64_t refcount = options_.stored->Get(cluster);
  if (!options_.stored->IsUnknown(cluster) && IsCopiedWrong(entry, refcount)) {
    report_.WrongCopied(
        fmt::format("ERROR OFLAG_COPIED L2 cluster: l1_index={} l1_entry={:x} refcount={}", index,
                    entry, refcount),
        1);
  }
}

void Walk::WalkEncryption() {
  for (const UnknownExtension& extension : header().unknown_extensions) {
    if (extension.type == kExtensionCrypto && extension.data.size() >= 16) {
      regions_.Count(LoadBe<std::uint64_t>(extension.data.data()),
                     LoadBe<std::uint64_t>(extension.data.data() + 8));
    }
  }
}

Task<Result<Unit, Error>> Walk::WalkTables() {
  if (unaligned_tables_ > kMaxUnalignedTables) {
    co_return Error{Errno{EINVAL}, fmt::format("{}: more than {} L2 tables are not cluster aligned",
                                               target_.filename, kMaxUnalignedTables)};
  }
  if (!found_.tables.Finish()) {
    co_return TooManyClusters(target_.filename, Errno{EFBIG});
  }
  L2Scanner scanner(header(), regions_, report_, options_.check_copied ? options_.stored : nullptr);
  TableReader reader(found_, header(), scanner, report_);
  const Result<> read = co_await ReadExtents(target_.file, reader);
  if (!read.ok()) {
    co_return Unreadable("an L2 table", read.error());
  }
  found_.entries = scanner.found();
  co_return Unit{};
}

void Walk::BreakStructure(std::string_view line) {
  report_.Corrupt(line);
  ++found_.structure_corruptions;
  found_.needs_rebuild = true;
}

void Walk::WalkRefcounts() {
  const std::uint64_t corruptions = report_.result.corruptions;
  const std::uint64_t bytes = std::uint64_t{header().refcount_table_clusters}
                              << header().cluster_bits;
  regions_.Count(header().refcount_table_offset, bytes);
  if (bytes == 0 || report_.result.corruptions != corruptions) {
    found_.structure_corruptions += report_.result.corruptions - corruptions;
    found_.needs_rebuild = true;
  }
  const std::span<const std::uint64_t> table = options_.stored->table();
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (table[i] != 0) {
      WalkRefcountBlock(i, table[i]);
    }
  }
  // Whatever else refers to the table's clusters would be overwritten with it.
  const std::uint64_t first = header().refcount_table_offset >> header().cluster_bits;
  for (std::uint64_t i = 0; i < header().refcount_table_clusters && !found_.needs_rebuild; ++i) {
    found_.needs_rebuild = found_.counts.Get(first + i) != 1;
  }
}

void Walk::WalkRefcountBlock(std::size_t index, std::uint64_t entry) {
  const std::uint64_t cluster_size = header().cluster_size();
  const std::uint64_t offset = RefcountBlockAt(entry);
  if (offset != entry) {
    return BreakStructure(
        fmt::format("ERROR refcount table entry {} has reserved bits set", index));
  }
  if (!IsAligned(offset, cluster_size)) {
    return BreakStructure(fmt::format(
        "ERROR refcount block {} is not cluster aligned; refcount table entry corrupted", index));
  }
  if (offset >= regions_.file_size()) {
    return BreakStructure(fmt::format("ERROR refcount block {} is outside image", index));
  }
  regions_.Count(offset, cluster_size);
  const std::uint64_t count = found_.counts.Get(offset >> header().cluster_bits);
  if (count != 1) {
    BreakStructure(fmt::format("ERROR refcount block {} refcount={}", index, count));
  }
}

}  // namespace

Task<Result<Unit, Error>> CountReferences(CheckTarget target, WalkOptions options,
                                          CheckReport& report, References& found) {
  FB_ASSERT(!options.check_copied || options.stored != nullptr);
  Walk walk(target, options, report, found);
  const Result<Unit, Error> walked = co_await walk.Run();
  if (walked.ok()) {
    CheckResult& result = report.result;
    const std::uint64_t cluster = target.header.cluster_size();
    result.total_clusters =
        target.header.size / cluster + (target.header.size % cluster != 0 ? 1 : 0);
    result.allocated_clusters = found.entries.allocated;
    result.fragmented_clusters = found.entries.fragmented;
    result.compressed_clusters = found.entries.compressed;
  }
  co_return walked;
}

}  // namespace fusebay::qcow2
