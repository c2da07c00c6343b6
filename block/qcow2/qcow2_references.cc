// Walks header, L1 and L2 tables, snapshots, bitmaps and the refcount structure.
#include "qcow2/qcow2_references.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/align.h"
#include "qcow2/bitmap_references.h"
#include "qcow2/extent_reader.h"
#include "qcow2/overlapping_tables.h"
#include "qcow2/qcow2_io.h"
#include "qcow2/snapshot_repair.h"

namespace fusebay::qcow2 {

namespace {

// What is read of snapshots' L1 tables at a time.
constexpr std::uint64_t kL1WindowBytes = 1 * kMiB;

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

// Bytes from `at`, in piece `index`, to where no piece goes on.
std::uint64_t TogetherFrom(const std::vector<SharedPiece>& pieces, std::size_t index,
                           std::uint64_t at) {
  std::uint64_t end = pieces[index].end;
  while (end - at < kL1WindowBytes && index + 1 < pieces.size() && pieces[index + 1].begin == end) {
    end = pieces[++index].end;
  }
  return end - at;
}

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
  void CheckSnapshotEntry(std::size_t index, const Snapshot& snapshot);
  bool HasL1Place(const Snapshot& snapshot);
  Task<Result<Unit, Error>> WalkSnapshotL1s(const std::vector<Snapshot>& snapshots);
  Task<std::uint64_t> HoleAt(std::uint64_t offset, std::uint64_t length);
  void CountL1Clusters(const std::vector<Region>& l1s);
  Task<Result<Unit, Error>> WalkTables();
  // Where L1 entries that are looked at come from: how often, and of which index the first one is.
  struct Origin {
    bool active = false;
    std::uint64_t times = 1;
    std::uint64_t first = 0;
  };
  void WalkL1(std::span<const std::uint64_t> l1, Origin origin);
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

// The entries that lie inside the file; the rest would be zeroes, which refer to nothing.
Task<Result<std::vector<std::uint64_t>, Error>> Walk::ReadL1(std::uint64_t offset,
                                                             std::uint64_t entries) {
  const std::uint64_t size = target_.file.size();
  const std::uint64_t there = offset < size ? (size - offset) / 8 : 0;
  const std::uint64_t inside = std::min(entries, there);
  l1_entries_ += inside;
  if (l1_entries_ > kMaxL1EntriesOfAll) {
    co_return Error{Errno{EFBIG}, fmt::format("{}: the snapshots have more than {} L1 entries",
                                              target_.filename, kMaxL1EntriesOfAll)};
  }
  const std::string what = fmt::format("the L1 table at {:#x}", offset);
  Result<std::vector<std::uint64_t>, Error> l1 =
      co_await ReadEntries(target_.file, offset, inside, TableName{target_.filename, what});
  co_return l1;
}

Task<Result<Unit, Error>> Walk::WalkActive() {
  regions_.Count(header().l1_offset, std::uint64_t{header().l1_entries} * 8);
  CO_ASSIGN(found_.l1, co_await ReadL1(header().l1_offset, header().l1_entries));
  WalkL1(found_.l1, {.active = true});
  co_return Unit{};
}

Task<Result<Unit, Error>> Walk::WalkSnapshots() {
  CO_ASSIGN(
      std::vector<Snapshot> snapshots,
      co_await ReadSnapshots(target_.file, header(), target_.filename, target_.max_snapshot_extra));
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < snapshots.size(); ++i) {
    bytes += snapshots[i].entry_bytes();
    CheckSnapshotEntry(i, snapshots[i]);
  }
  if (header().has_data_file() && !snapshots.empty()) {
    report_.Corrupt(
        fmt::format("ERROR {} snapshots in image with data file: the data file may be "
                    "corrupted by writing to the image",
                    snapshots.size()));
  }
  std::erase_if(snapshots, [this](const Snapshot& snapshot) { return !HasL1Place(snapshot); });
  CO_TRY(co_await WalkSnapshotL1s(snapshots));
  regions_.Count(header().snapshots_offset, bytes);
  co_return Unit{};
}

void Walk::CheckSnapshotEntry(std::size_t index, const Snapshot& snapshot) {
  if (!HasWholeExtra(header(), snapshot.extra_bytes)) {
    report_.Corrupt(fmt::format("ERROR snapshot table entry {} is incomplete", index));
    ++found_.broken_snapshots;
  }
  if (snapshot.extra_bytes > kMaxSnapshotExtra) {
    report_.Corrupt(
        fmt::format("ERROR snapshot table entry {} has too much extra metadata ({} > {})", index,
                    snapshot.extra_bytes, kMaxSnapshotExtra));
    ++found_.broken_snapshots;
  }
}

bool Walk::HasL1Place(const Snapshot& snapshot) {
  const auto wrong = [&snapshot](std::string_view field, std::uint64_t value,
                                 std::string_view what) {
    return fmt::format(
        "ERROR snapshot {} ({}) {}={:#x}: L1 table is {}; snapshot table entry "
        "corrupted",
        snapshot.info.id, snapshot.info.name, field, value, what);
  };
  if (!IsAligned(snapshot.l1_offset, header().cluster_size())) {
    report_.Corrupt(wrong("l1_offset", snapshot.l1_offset, "not cluster aligned"));
    return false;
  }
  if (snapshot.l1_entries > kMaxL1Bytes / 8) {
    report_.Corrupt(wrong("l1_size", snapshot.l1_entries, "too large"));
    return false;
  }
  return true;
}

// Whole entries from `offset` on that a hole of the file has, at most `length` bytes; 0: none.
Task<std::uint64_t> Walk::HoleAt(std::uint64_t offset, std::uint64_t length) {
  const Result<BlockStatus> status = co_await target_.file.Status(offset, length);
  co_return status.ok() && status->zero ? AlignDown(std::min(status->length, length), 8) : 0;
}

// Each snapshot has a table of its own, unless the image is damaged: then many may overlap, and
// what they share is looked at once.
Task<Result<Unit, Error>> Walk::WalkSnapshotL1s(const std::vector<Snapshot>& snapshots) {
  std::vector<Region> l1s;
  for (const Snapshot& snapshot : snapshots) {
    const std::uint64_t bytes = std::uint64_t{snapshot.l1_entries} * 8;
    if (regions_.IsBeyondFile(snapshot.l1_offset, bytes)) {
      regions_.Count(snapshot.l1_offset, bytes);
    } else {
      l1s.push_back({snapshot.l1_offset, snapshot.l1_offset + bytes});
    }
  }
  CountL1Clusters(l1s);
  const std::vector<SharedPiece> pieces = PiecesOf(std::move(l1s));
  std::vector<std::uint64_t> window;
  std::uint64_t window_begin = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const SharedPiece& piece = pieces[i];
    const std::uint64_t end = std::min(piece.end, AlignDown(target_.file.size(), 8));
    for (std::uint64_t at = piece.begin; at < end;) {
      if (at < window_begin || at >= window_begin + window.size() * 8) {
        const std::uint64_t bytes = std::min(TogetherFrom(pieces, i, at), kL1WindowBytes);
        const std::uint64_t hole = co_await HoleAt(at, bytes);
        if (hole != 0) {
          at += hole;
          continue;
        }
        window_begin = at;
        CO_ASSIGN(window, co_await ReadL1(at, bytes / 8));
      }
      const std::uint64_t skip = (at - window_begin) / 8;
      const std::uint64_t entries = std::min((end - at) / 8, window.size() - skip);
      WalkL1(std::span(window).subspan(skip, entries),
             {.times = piece.times, .first = (at - piece.region_begin) / 8});
      at += entries * 8;
      if (found_.tables.full()) {
        co_return TooManyClusters(target_.filename, Errno{EFBIG});
      }
    }
  }
  co_return Unit{};
}

// A region that touches a cluster refers to all of it. Only the first byte of the last cluster is
// named, for the file may end within it.
void Walk::CountL1Clusters(const std::vector<Region>& l1s) {
  const std::uint64_t cluster = header().cluster_size();
  std::vector<Region> clusters;
  for (const Region& l1 : l1s) {
    clusters.push_back({l1.begin, AlignUp(l1.end, cluster)});
  }
  for (const SharedPiece& piece : PiecesOf(std::move(clusters))) {
    regions_.Count(piece.begin, piece.end - piece.begin - (cluster - 1), piece.times);
  }
}

void Walk::WalkL1(std::span<const std::uint64_t> l1, Origin origin) {
  const std::uint64_t cluster = header().cluster_size();
  for (std::size_t i = 0; i < l1.size(); ++i) {
    const std::uint64_t entry = l1[i];
    if (entry == 0) {
      continue;
    }
    const std::uint64_t offset = entry & kOffsetMask;
    if ((entry & ~(kCopied | kOffsetMask)) != 0) {
      report_.Corrupt(fmt::format("ERROR found L1 entry with reserved bits set: {:x}", entry),
                      origin.times);
    }
    if (offset == 0) {
      continue;
    }
    regions_.Count(offset, cluster, origin.times);
    if (!IsAligned(offset, cluster)) {
      report_.Corrupt(
          fmt::format("ERROR l2_offset={:x}: Table is not cluster aligned; L1 entry corrupted",
                      offset),
          origin.times);
      ++unaligned_tables_;
    }
    if (origin.active && options_.check_copied) {
      CheckCopied(i, entry);
    }
    if (offset < regions_.file_size() && unaligned_tables_ <= kMaxUnalignedTables) {
      found_.tables.Add(offset, origin.active, (origin.first + i) * header().bytes_per_table(),
                        static_cast<std::uint32_t>(origin.times));
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
