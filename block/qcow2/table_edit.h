// Repairs of entries in L1 and L2 tables: wrong "copied" flags, and entries that are wrong in a way
// that leaves no doubt what is meant.
#pragma once
#include <cstdint>

#include "qcow2/qcow2_references.h"

namespace fusebay::qcow2 {

// What is done to the entries of one table. Pure.
class TableEdit {
 public:
  virtual ~TableEdit() = default;
  // Changes `table` and returns how many entries are different now. Says so to `report`.
  virtual std::uint64_t Apply(const TableUse& use, MutableByteSpan table,
                              const CheckReport& report) const = 0;
};

// - A compressed cluster has no "copied" flag.
// - A cluster without data that is not aligned does not need the place: it keeps its zeroes.
// - A subcluster that is both allocated and zero keeps its data.
class EntryRepair : public TableEdit {
 public:
  explicit EntryRepair(const Header& header) : layout_(header) {}
  std::uint64_t Apply(const TableUse& use, MutableByteSpan table,
                      const CheckReport& report) const override;

 private:
  struct Entry;
  bool Repair(Entry& entry, const CheckReport& report) const;
  const L2Layout layout_;
};

// Makes "copied" say whether there is exactly one reference to the cluster.
class CopiedRepair : public TableEdit {
 public:
  // kClear: only takes flags away, which is safe whatever refcounts the file has. kBoth also sets
  // them, and REQUIRES: the refcounts of the file are what `counts` says.
  enum class Mode : std::uint8_t { kClear, kBoth };
  CopiedRepair(const Header& header, const ReferenceCounts& counts, const StoredRefcounts& stored,
               Mode mode);

  std::uint64_t Apply(const TableUse& use, MutableByteSpan table,
                      const CheckReport& report) const override;
  // What an L1 or L2 entry that refers to a cluster at `offset` should be.
  std::uint64_t Right(std::uint64_t entry, std::uint64_t refcount) const;
  // The refcount that the cluster has after the repair. Beyond the end of the file nothing is
  // repaired: what the file says.
  std::uint64_t RefcountOf(std::uint64_t offset) const;

 private:
  const L2Layout layout_;
  const ReferenceCounts& counts_;
  const StoredRefcounts& stored_;
  const Mode mode_;
  const std::uint64_t max_refcount_;
};

// Applies `edit` to every L2 table, or to those of the active L1 table, that it changes something
// in. A table in the place of the header or of the L1 table is left alone, and so is one that
// shares its place with anything else if `alone`. Returns how many entries were changed. Not
// flushed.
struct TableChoice {
  bool active = false;
  bool alone = false;
};
Task<Result<std::uint64_t, Error>> EditTables(CheckTarget target, const References& references,
                                              TableChoice which, const TableEdit& edit,
                                              const CheckReport& report);

// Makes the "copied" flags in the active L1 table and its L2 tables right. They are changed
// although the table may overlap with something else: with a wrong flag a write to that would go
// on damaging the table.
Task<Result<std::uint64_t, Error>> RepairCopied(CheckTarget target, References& references,
                                                const CopiedRepair& repair,
                                                const CheckReport& report);

}  // namespace fusebay::qcow2
