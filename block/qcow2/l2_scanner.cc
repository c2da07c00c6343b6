// Looks at L2 entries one by one: plain ones quickly, all others thoroughly.
#include "qcow2/l2_scanner.h"

#include <fmt/format.h>

namespace fusebay::qcow2 {

namespace {

constexpr std::uint64_t kStandardReserved = ~(kCopied | kCompressed | kOffsetMask | kReadsAsZeroes);
constexpr std::uint64_t kAllAllocated = 0xffffffff;

}  // namespace

struct L2Scanner::Entry {
  const TableUse& use;
  std::uint64_t index;
  std::uint64_t value;
  std::uint64_t bitmap;

  std::uint64_t offset() const { return value & kOffsetMask; }
};

EntryType TypeOf(const L2Layout& layout, std::uint64_t entry) {
  const bool has_offset = (entry & kOffsetMask) != 0;
  if ((entry & kCompressed) != 0) {
    return EntryType::kCompressed;
  }
  if ((entry & kReadsAsZeroes) != 0 && !layout.extended) {
    return has_offset ? EntryType::kZeroAllocated : EntryType::kZeroPlain;
  }
  return has_offset || (layout.data_file && (entry & kCopied) != 0) ? EntryType::kNormal
                                                                    : EntryType::kUnallocated;
}

void L2Scanner::Scan(const TableUse& use, const std::byte* table) {
  const std::uint64_t entries = layout_.cluster_size() / layout_.entry_bytes();
  next_in_place_ = 0;
  for (std::uint64_t i = 0; i < entries; ++i) {
    const std::byte* const raw = table + i * layout_.entry_bytes();
    const auto value = LoadBe<std::uint64_t>(raw);
    const std::uint64_t bitmap = layout_.extended ? LoadBe<std::uint64_t>(raw + 8) : 0;
    if ((value | bitmap) == 0) {
      continue;
    }
    const Entry entry{use, i, value, bitmap};
    const std::uint64_t flags = value & ~kOffsetMask & ~kCopied;
    const bool aligned = (value & kOffsetMask & (layout_.cluster_size() - 1)) == 0;
    const bool sound = (bitmap >> 32 & bitmap) == 0;
    if (flags == 0 && aligned && sound && entry.offset() != 0 && !layout_.data_file) [[likely]] {
      ScanPlain(entry);
    } else {
      ScanOther(entry);
    }
  }
}

void L2Scanner::ScanPlain(const Entry& entry) {
  NoteFragment(entry);
  regions_.Count(entry.offset(), layout_.cluster_size(), entry.use.uses);
  CheckCopied(entry);
}

void L2Scanner::ScanOther(const Entry& entry) {
  const EntryType type = TypeOf(layout_, entry.value);
  const bool reserved = type != EntryType::kCompressed && (entry.value & kStandardReserved) != 0;
  // Flags that are wrong here although QEMU does not mind: no such cluster can be read.
  const bool wrong_zero = type != EntryType::kCompressed && (entry.value & kReadsAsZeroes) != 0 &&
                          (layout_.extended || !layout_.has_zero_flag);
  if (reserved || wrong_zero) {
    report_.Corrupt(fmt::format("ERROR found l2 entry with reserved bits set: {:x}", entry.value),
                    entry.use.uses);
  }
  switch (type) {
    case EntryType::kCompressed:
      return ScanCompressed(entry);
    case EntryType::kUnallocated:
      if ((entry.bitmap & kAllAllocated) != 0) {
        report_.Corrupt("ERROR: Unallocated cluster has non-zero subcluster allocation map",
                        entry.use.uses);
      }
      return;
    case EntryType::kZeroPlain:
      return;
    case EntryType::kNormal:
    case EntryType::kZeroAllocated:
      ScanAllocated(entry);
  }
}

void L2Scanner::ScanCompressed(const Entry& entry) {
  const CompressedPlace place =
      PlaceOf(layout_.cluster_bits, entry.value & ~(kCopied | kCompressed));
  if ((entry.value & kCopied) != 0) {
    report_.Corrupt(fmt::format("ERROR: coffset={:#x}: copied flag must never be set for "
                                "compressed clusters",
                                place.offset),
                    entry.use.uses);
    ++found_.repairable;
  }
  if (layout_.data_file) {
    report_.Corrupt(fmt::format("ERROR compressed cluster {} with data file, entry={:#x}",
                                entry.index, entry.value),
                    entry.use.uses);
    return;
  }
  if (entry.bitmap != 0) {
    report_.Corrupt(fmt::format("ERROR compressed cluster {} with non-zero subcluster allocation "
                                "bitmap, entry={:#x}",
                                entry.index, entry.value),
                    entry.use.uses);
    return;
  }
  regions_.Count(place.offset, place.length, entry.use.uses);
  found_.allocated += entry.use.active_uses;
  found_.compressed += entry.use.active_uses;
  found_.fragmented += entry.use.active_uses;  // by nature
}

void L2Scanner::ScanAllocated(const Entry& entry) {
  if ((entry.bitmap >> 32 & entry.bitmap) != 0) {
    report_.Corrupt(fmt::format("ERROR offset={:x}: Allocated cluster with corrupted subcluster "
                                "allocation bitmap",
                                entry.offset()),
                    entry.use.uses);
    ++found_.repairable;
  }
  CheckPlace(entry);
  NoteFragment(entry);
  if (layout_.data_file) {
    CheckDataFile(entry);
  } else {
    regions_.Count(entry.offset(), layout_.cluster_size(), entry.use.uses);
  }
  CheckCopied(entry);
}

// A cluster without data that is in the wrong place can do without the place.
void L2Scanner::CheckPlace(const Entry& entry) {
  if ((entry.offset() & (layout_.cluster_size() - 1)) == 0) {
    return;
  }
  const bool has_data =
      layout_.extended ? (entry.bitmap & kAllAllocated) != 0 : (entry.value & kReadsAsZeroes) == 0;
  report_.Corrupt(fmt::format("ERROR offset={:x}: {} cluster is not properly aligned; L2 entry "
                              "corrupted.",
                              entry.offset(), has_data ? "Data" : "Preallocated"),
                  entry.use.uses);
  found_.repairable += has_data ? 0 : 1;
}

void L2Scanner::CheckDataFile(const Entry& entry) {
  const std::uint64_t expected = entry.use.guest_offset + (entry.index << layout_.cluster_bits);
  if (entry.offset() != expected) {
    report_.Corrupt(fmt::format("ERROR offset={:x}: cluster in the data file is not at its guest "
                                "offset {:x}",
                                entry.offset(), expected),
                    entry.use.uses);
  }
}

void L2Scanner::NoteFragment(const Entry& entry) {
  found_.allocated += entry.use.active_uses;
  if (next_in_place_ != 0 && entry.offset() != next_in_place_) {
    found_.fragmented += entry.use.active_uses;
  }
  next_in_place_ = entry.offset() + layout_.cluster_size();
}

// In a data file nothing is shared.
void L2Scanner::CheckCopied(const Entry& entry) {
  const std::uint64_t cluster = entry.offset() >> layout_.cluster_bits;
  if (stored_ == nullptr || entry.use.active_uses == 0 || stored_->IsUnknown(cluster)) {
    return;
  }
  const std::uint64_t refcount = layout_.data_file ? 1 : stored_->Get(cluster);
  if (IsCopiedWrong(entry.value, refcount)) [[unlikely]] {
    report_.WrongCopied(fmt::format("ERROR OFLAG_COPIED data cluster: l2_entry={:x} refcount={}",
                                    entry.value, refcount),
                        entry.use.active_uses);
  }
}

}  // namespace fusebay::qcow2
