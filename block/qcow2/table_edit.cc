// Finds the tables that an edit changes, then changes them one by one.
#include "qcow2/table_edit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/align.h"
#include "core/aio_context.h"
#include "qcow2/extent_reader.h"
#include "qcow2/qcow2_io.h"
#include "qcow2/qcow2_refcount_bits.h"

namespace fusebay::qcow2 {

namespace {

constexpr std::uint64_t kAllAllocated = 0xffffffff;

Error Failed(CheckTarget target, std::string_view what, Errno cause) {
  return Error{
      cause, fmt::format("{}: cannot {}: {}", target.filename, what, std::strerror(cause.value()))};
}

// Tries the edit on copies and remembers where it changes something.
class Finder : public ExtentReader {
 public:
  Finder(CheckTarget target, const References& references, TableChoice which, const TableEdit& edit)
      : edit_(edit), copy_(target.header.cluster_size()) {
    for (const TableUse& use : references.tables.tables()) {
      if (!which.active || use.active_uses > 0) {
        candidates_.push_back(&use);
      }
    }
  }
  std::size_t count() const override { return candidates_.size(); }
  Extent At(std::size_t index) const override {
    return {candidates_[index]->offset, static_cast<std::uint32_t>(copy_.size())};
  }
  Result<> Take(std::size_t index, const Result<ByteSpan>& bytes) override {
    FB_TRY(bytes);
    std::copy(bytes->begin(), bytes->end(), copy_.begin());
    if (edit_.Apply(*candidates_[index], copy_, CheckReport(nullptr)) > 0) {
      changed_.push_back(candidates_[index]);
    }
    return Ok();
  }
  const std::vector<const TableUse*>& changed() const { return changed_; }

 private:
  const TableEdit& edit_;
  std::vector<std::byte> copy_;
  std::vector<const TableUse*> candidates_;
  std::vector<const TableUse*> changed_;
};

// Whether nothing but L1 tables refers to the table's place.
bool IsAlone(CheckTarget target, const References& references, const TableUse& use) {
  const Header& header = target.header;
  return IsAligned(use.offset, header.cluster_size()) &&
         references.counts.Get(use.offset >> header.cluster_bits) == use.uses;
}

bool IsOnHeaderOrL1(const Header& header, const TableUse& use) {
  const std::uint64_t end = use.offset + header.cluster_size();
  return use.offset < header.cluster_size() ||
         (use.offset < header.l1_offset + std::uint64_t{header.l1_entries} * 8 &&
          header.l1_offset < end);
}

// Writes the part of `table` that differs from what the file has.
Task<Result<>> WriteChanged(const BlockRef& file, std::uint64_t offset, ByteSpan before,
                            const IoVec& table, ByteSpan after) {
  const auto first = std::mismatch(before.begin(), before.end(), after.begin()).first;
  if (first == before.end()) {
    return Ok();
  }
  const auto from = static_cast<std::size_t>(first - before.begin());
  const auto last = std::mismatch(before.rbegin(), before.rend(), after.rbegin()).first;
  const auto end = before.size() - static_cast<std::size_t>(last - before.rbegin());
  return file.Write(offset + from, table.Slice(from, end - from), WriteFlags{});
}

Task<Result<std::uint64_t>> EditTable(CheckTarget target, const TableUse& use,
                                      const TableEdit& edit, const CheckReport& report) {
  const std::size_t bytes = target.header.cluster_size();
  const Buffer table = AioContext::Current().buffers().Get(bytes);
  const Result<> read = co_await ReadOrZero(target.file, use.offset, table.vec().First(bytes));
  CO_TRY(read);
  const std::vector<std::byte> before(table.data(), table.data() + bytes);
  const std::uint64_t changed = edit.Apply(use, {table.data(), bytes}, report);
  const Result<> written = co_await WriteChanged(target.file, use.offset, before,
                                                 table.vec().First(bytes), {table.data(), bytes});
  CO_TRY(written);
  co_return changed;
}

// The L1 table, which is in memory.
Task<Result<std::uint64_t>> RepairCopiedInL1(CheckTarget target, References& references,
                                             const CopiedRepair& repair,
                                             const CheckReport& report) {
  std::vector<std::uint64_t> before(references.l1.size());
  std::vector<std::uint64_t> after(references.l1.size());
  std::uint64_t changed = 0;
  for (std::size_t i = 0; i < references.l1.size(); ++i) {
    std::uint64_t& entry = references.l1[i];
    StoreBe(&before[i], entry);
    const std::uint64_t refcount = repair.RefcountOf(entry & kOffsetMask);
    const std::uint64_t right = (entry & kOffsetMask) != 0 ? repair.Right(entry, refcount) : entry;
    if (right != entry) {
      report.Say(
          fmt::format("Repairing OFLAG_COPIED L2 cluster: l1_index={} l1_entry={:x} "
                      "refcount={}",
                      i, entry, refcount));
      entry = right;
      ++changed;
    }
    StoreBe(&after[i], entry);
  }
  const iovec iov{after.data(), after.size() * 8};
  const Result<> written =
      co_await WriteChanged(target.file, target.header.l1_offset, std::as_bytes(std::span(before)),
                            IoVec::Of(iov), std::as_bytes(std::span(after)));
  CO_TRY(written);
  co_return changed;
}

bool IsL1Alone(CheckTarget target, const References& references) {
  const std::uint32_t bits = target.header.cluster_bits;
  const std::uint64_t bytes = references.l1.size() * 8;
  const std::uint64_t first = target.header.l1_offset >> bits;
  for (std::uint64_t i = 0; i << bits < bytes; ++i) {
    if (references.counts.Get(first + i) != 1) {
      return false;
    }
  }
  return true;
}

}  // namespace

struct EntryRepair::Entry {
  std::uint64_t value;
  std::uint64_t bitmap;
};

std::uint64_t EntryRepair::Apply(const TableUse&, MutableByteSpan table,
                                 const CheckReport& report) const {
  std::uint64_t changed = 0;
  for (std::size_t at = 0; at < table.size(); at += layout_.entry_bytes()) {
    std::byte* const raw = table.data() + at;
    Entry entry{LoadBe<std::uint64_t>(raw), 0};
    entry.bitmap = layout_.extended ? LoadBe<std::uint64_t>(raw + 8) : 0;
    if (Repair(entry, report)) {
      StoreBe(raw, entry.value);
      if (layout_.extended) {
        StoreBe(raw + 8, entry.bitmap);
      }
      ++changed;
    }
  }
  return changed;
}

bool EntryRepair::Repair(Entry& entry, const CheckReport& report) const {
  const Entry before = entry;
  const std::uint64_t offset = entry.value & kOffsetMask;
  const EntryType type = TypeOf(layout_, entry.value);
  if (type == EntryType::kCompressed) {
    entry.value &= ~kCopied;
  } else if (type == EntryType::kNormal || type == EntryType::kZeroAllocated) {
    entry.bitmap &= ~((entry.bitmap & kAllAllocated) << 32);
    const bool has_data = layout_.extended ? (entry.bitmap & kAllAllocated) != 0
                                           : (entry.value & kReadsAsZeroes) == 0;
    if (!has_data && !IsAligned(offset, layout_.cluster_size()) && layout_.has_zero_flag) {
      entry.value = layout_.extended ? 0 : kReadsAsZeroes;
    }
  }
  if (entry.value == before.value && entry.bitmap == before.bitmap) {
    return false;
  }
  report.Say(fmt::format("Repairing offset={:x}: L2 entry {:x} corrupted", offset, before.value));
  return true;
}

CopiedRepair::CopiedRepair(const Header& header, const ReferenceCounts& counts,
                           const StoredRefcounts& stored, Mode mode)
    : layout_(header),
      counts_(counts),
      stored_(stored),
      mode_(mode),
      max_refcount_(MaxRefcount(header.refcount_order)) {}

std::uint64_t CopiedRepair::RefcountOf(std::uint64_t offset) const {
  const std::uint64_t cluster = offset >> layout_.cluster_bits;
  // The last one counted lies beyond the end of the file already, as far as nothing reaches into
  // it.
  const std::uint64_t references = cluster < counts_.clusters() ? counts_.Get(cluster) : 0;
  return references == 0 && cluster + 1 >= counts_.clusters() ? stored_.Get(cluster) : references;
}

// More references than a refcount can say: leave the flag as it is.
std::uint64_t CopiedRepair::Right(std::uint64_t entry, std::uint64_t refcount) const {
  if (refcount > max_refcount_) {
    return entry;
  }
  if (refcount != 1) {
    return entry & ~kCopied;
  }
  return mode_ == Mode::kBoth ? entry | kCopied : entry;
}

std::uint64_t CopiedRepair::Apply(const TableUse&, MutableByteSpan table,
                                  const CheckReport& report) const {
  std::uint64_t changed = 0;
  for (std::size_t at = 0; at < table.size(); at += layout_.entry_bytes()) {
    const auto entry = LoadBe<std::uint64_t>(table.data() + at);
    if (entry == 0) {
      continue;
    }
    const EntryType type = TypeOf(layout_, entry);
    if (type != EntryType::kNormal && type != EntryType::kZeroAllocated) {
      continue;
    }
    const std::uint64_t refcount = layout_.data_file ? 1 : RefcountOf(entry & kOffsetMask);
    const std::uint64_t right = Right(entry, refcount);
    if (right != entry) {
      report.Say(fmt::format("Repairing OFLAG_COPIED data cluster: l2_entry={:x} refcount={}",
                             entry, refcount));
      StoreBe(table.data() + at, right);
      ++changed;
    }
  }
  return changed;
}

Task<Result<std::uint64_t, Error>> EditTables(CheckTarget target, const References& references,
                                              TableChoice which, const TableEdit& edit,
                                              const CheckReport& report) {
  Finder finder(target, references, which, edit);
  const Result<> found = co_await ReadExtents(target.file, finder);
  if (!found.ok()) {
    co_return Failed(target, "read an L2 table", found.error());
  }
  std::uint64_t changed = 0;
  for (const TableUse* const use : finder.changed()) {
    if (IsOnHeaderOrL1(target.header, *use) ||
        (which.alone && !IsAlone(target, references, *use))) {
      report.Say(fmt::format("L2 table at {:#x} is not repaired: something else is in its place",
                             use->offset));
      continue;
    }
    const Result<std::uint64_t> edited = co_await EditTable(target, *use, edit, report);
    if (!edited.ok()) {
      co_return Failed(target, "repair an L2 table", edited.error());
    }
    changed += *edited;
  }
  co_return changed;
}

Task<Result<std::uint64_t, Error>> RepairCopied(CheckTarget target, References& references,
                                                const CopiedRepair& repair,
                                                const CheckReport& report) {
  std::uint64_t changed = 0;
  if (IsL1Alone(target, references)) {
    const Result<std::uint64_t> in_l1 =
        co_await RepairCopiedInL1(target, references, repair, report);
    if (!in_l1.ok()) {
      co_return Failed(target, "repair the L1 table", in_l1.error());
    }
    changed += *in_l1;
  }
  CO_ASSIGN(const std::uint64_t in_l2,
            co_await EditTables(target, references, {.active = true}, repair, report));
  co_return changed + in_l2;
}

}  // namespace fusebay::qcow2
