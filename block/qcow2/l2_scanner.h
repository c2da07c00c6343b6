// L2Scanner: counts what the entries of L2 tables refer to, and reports entries that are wrong. The
// part of a check that every cluster of the image passes through.
#pragma once
#include <cstdint>

#include "qcow2/qcow2_l2.h"
#include "qcow2/region_counter.h"
#include "qcow2/stored_refcounts.h"
#include "qcow2/table_uses.h"

namespace fusebay::qcow2 {

// What an entry of an L2 table is, also if it is wrong in its details.
enum class EntryType : std::uint8_t {
  kUnallocated,
  kZeroPlain,
  kZeroAllocated,
  kNormal,
  kCompressed
};
EntryType TypeOf(const L2Layout& layout, std::uint64_t entry);

// "copied" in an entry must say whether the cluster's refcount in the file is 1.
inline bool IsCopiedWrong(std::uint64_t entry, std::uint64_t refcount) {
  return ((entry & kCopied) != 0) != (refcount == 1);
}

class L2Scanner {
 public:
  struct Found {
    std::uint64_t allocated = 0;
    std::uint64_t fragmented = 0;
    std::uint64_t compressed = 0;
    std::uint64_t repairable = 0;  // entries that EntryRepairer can make right
  };

  // `stored`: what the file says of refcounts; "copied" flags in tables of the active L1 table are
  // compared with it. Null: they are not looked at. All arguments outlive this.
  L2Scanner(const Header& header, RegionCounter& regions, CheckReport& report,
            const StoredRefcounts* stored)
      : layout_(header), regions_(regions), report_(report), stored_(stored) {}

  // `table` is one cluster.
  void Scan(const TableUse& use, const std::byte* table);
  const Found& found() const { return found_; }

 private:
  struct Entry;
  void ScanPlain(const Entry& entry);
  void ScanOther(const Entry& entry);
  void ScanCompressed(const Entry& entry);
  void ScanAllocated(const Entry& entry);
  void CheckPlace(const Entry& entry);
  void CheckDataFile(const Entry& entry);
  void NoteFragment(const Entry& entry);
  void CheckCopied(const Entry& entry);

  const L2Layout layout_;
  RegionCounter& regions_;
  CheckReport& report_;
  const StoredRefcounts* const stored_;
  Found found_;
  std::uint64_t next_in_place_ = 0;  // where the next cluster of this table is if not fragmented
};

}  // namespace fusebay::qcow2
