// The order of a check: look, repair, look again, clear the bits.
#include "qcow2/qcow2_check.h"

#include <fmt/format.h>

#include <cstring>
#include <memory>

#include "qcow2/header_update.h"
#include "qcow2/read_header.h"
#include "qcow2/refcount_repair.h"
#include "qcow2/snapshot_repair.h"
#include "qcow2/table_edit.h"

namespace fusebay::qcow2 {

namespace {

constexpr std::uint64_t kAutoclearKnown = kAutoclearBitmaps | kAutoclearDataFileRaw;

// What one look at the image has found out.
struct Inspection {
  StoredRefcounts stored;
  References references;
  Comparison comparison;
};

Task<Result<Unit, Error>> Inspect(CheckTarget target, CheckReport& report, Inspection& found) {
  const std::uint64_t clusters =
      RegionCounter::ClustersFor(target.file.size(), target.header.cluster_bits);
  CO_TRY(co_await found.stored.Load(target.file, target.header, clusters, target.filename, report));
  const WalkOptions options{.stored = &found.stored, .check_copied = true};
  CO_TRY(co_await CountReferences(target, options, report, found.references));
  found.comparison = CompareRefcounts(target.header, found.stored, found.references.counts, report);
  co_return Unit{};
}

Task<Result<Unit, Error>> FlushFile(CheckTarget target) {
  const Result<> flushed = co_await target.file.Flush(FlushMode::kDisk);
  if (!flushed.ok()) {
    co_return Error{flushed.error(),
                    fmt::format("{}: cannot write to the disk: {}", target.filename,
                                std::strerror(flushed.error().value()))};
  }
  co_return Unit{};
}

Error CannotUpdate(CheckTarget target, Errno cause) {
  return Error{cause, fmt::format("{}: cannot update the header: {}", target.filename,
                                  std::strerror(cause.value()))};
}

class Repair {
 public:
  Repair(CheckTarget target, CheckFix fix, const CheckReport& said, CheckObserver* observer,
         Inspection& found)
      : target_(target), fix_(fix), said_(said), report_(observer), found_(found) {}

  Task<Result<Unit, Error>> Run();
  const CheckResult& fixed() const { return report_.result; }

 private:
  Task<Result<Unit, Error>> ClearUnknownFeatures();
  Task<Result<Unit, Error>> RepairEntries();
  Task<Result<Unit, Error>> RepairRefcounts();
  Task<Result<Unit, Error>> Rebuild();
  Task<Result<Unit, Error>> RepairFlags(CopiedRepair::Mode mode);
  Task<Result<Unit, Error>> RepairSnapshots();
  bool MayRepairFlags() const;

  const CheckTarget target_;
  const CheckFix fix_;
  const CheckReport& said_;  // of the inspection
  CheckReport report_;       // of the repair: what was fixed
  Inspection& found_;
};

// What others wrote that we do not know of may no longer be true afterwards.
Task<Result<Unit, Error>> Repair::ClearUnknownFeatures() {
  Header& header = target_.header;
  if ((header.autoclear & ~kAutoclearKnown) != 0) {
    const Result<> cleared =
        co_await WriteAutoclear(target_.file, header, header.autoclear & kAutoclearKnown);
    if (!cleared.ok()) {
      co_return CannotUpdate(target_, cleared.error());
    }
  }
  co_return Unit{};
}

// Entries may refer to other clusters afterwards: the references are counted anew.
Task<Result<Unit, Error>> Repair::RepairEntries() {
  const EntryRepair repair(target_.header);
  CO_ASSIGN(const std::uint64_t changed,
            co_await EditTables(target_, found_.references, {.alone = true}, repair, report_));
  report_.result.corruptions_fixed += changed;
  CO_TRY(co_await FlushFile(target_));
  CheckReport quiet(nullptr);
  found_.references = References();
  const WalkOptions options{.stored = &found_.stored};
  CO_TRY(co_await CountReferences(target_, options, quiet, found_.references));
  found_.comparison =
      CompareRefcounts(target_.header, found_.stored, found_.references.counts, quiet);
  co_return Unit{};
}

Task<Result<Unit, Error>> Repair::Rebuild() {
  report_.Say("Rebuilding refcount structure");
  const WalkOptions options{.room = RoomForRebuild(target_.header, target_.file.size())};
  CheckReport quiet(nullptr);
  References without;
  CO_TRY(co_await CountReferences(target_, options, quiet, without));
  CO_TRY(co_await RebuildRefcounts(target_, found_.references.counts, without.counts));
  report_.result.corruptions_fixed += found_.references.structure_corruptions;
  found_.references = std::move(without);
  found_.stored = StoredRefcounts();
  co_return Unit{};
}

Task<Result<Unit, Error>> Repair::RepairRefcounts() {
  const Comparison& wrong = found_.comparison;
  TellRepairs(target_.header, found_.stored, found_.references.counts, fix_, report_);
  report_.result.leaks_fixed += wrong.too_high;
  report_.result.corruptions_fixed += fix_ == CheckFix::kAll ? wrong.too_low : 0;
  if (fix_ == CheckFix::kAll && (found_.references.needs_rebuild || wrong.needs_block)) {
    CO_TRY(co_await Rebuild());
    co_return Unit{};
  }
  CO_TRY(co_await WriteRefcounts(target_, found_.stored, found_.references.counts, wrong, fix_));
  co_return co_await FlushFile(target_);
}

// With kLeaks only where refcounts can be relied on afterwards.
bool Repair::MayRepairFlags() const {
  return fix_ == CheckFix::kAll ||
         (said_.result.check_errors == 0 && said_.result.corruptions == said_.wrong_copied);
}

Task<Result<Unit, Error>> Repair::RepairFlags(CopiedRepair::Mode mode) {
  if (!MayRepairFlags()) {
    co_return Unit{};
  }
  const CopiedRepair repair(target_.header, found_.references.counts, found_.stored, mode);
  CO_ASSIGN(const std::uint64_t changed,
            co_await RepairCopied(target_, found_.references, repair, report_));
  report_.result.corruptions_fixed += changed;
  co_return co_await FlushFile(target_);
}

// A new table needs clusters, which are to be had only when refcounts are right.
Task<Result<Unit, Error>> Repair::RepairSnapshots() {
  CheckReport now(nullptr);
  found_ = Inspection();
  CO_TRY(co_await Inspect(target_, now, found_));
  const std::uint64_t broken = found_.references.broken_snapshots;
  if (now.result.check_errors != 0 || now.result.leaks != 0 || now.result.corruptions != broken) {
    co_return Unit{};
  }
  CO_TRY(co_await RepairSnapshotTable(target_, report_));
  report_.result.corruptions_fixed += broken;
  co_return Unit{};
}

Task<Result<Unit, Error>> Repair::Run() {
  if (fix_ == CheckFix::kLeaks && found_.references.needs_rebuild) {
    report_.Say("ERROR need to rebuild refcount structures");
    co_return Unit{};
  }
  CO_TRY(co_await ClearUnknownFeatures());
  if (fix_ == CheckFix::kAll && found_.references.entries.repairable > 0) {
    CO_TRY(co_await RepairEntries());
  }
  CO_TRY(co_await RepairFlags(CopiedRepair::Mode::kClear));
  const bool repair_snapshots = fix_ == CheckFix::kAll && found_.references.broken_snapshots > 0;
  CO_TRY(co_await RepairRefcounts());
  CO_TRY(co_await RepairFlags(CopiedRepair::Mode::kBoth));
  if (repair_snapshots) {
    CO_TRY(co_await RepairSnapshots());
  }
  co_return Unit{};
}

Task<Result<Unit, Error>> MarkClean(CheckTarget target) {
  Header& header = target.header;
  const std::uint64_t bits = kIncompatibleDirty | kIncompatibleCorrupt;
  if ((header.incompatible & bits) != 0) {
    const Result<> cleared =
        co_await WriteIncompatible(target.file, header, header.incompatible & ~bits);
    if (!cleared.ok()) {
      co_return CannotUpdate(target, cleared.error());
    }
  }
  co_return Unit{};
}

Task<Result<CheckResult, Error>> Look(CheckTarget target, CheckObserver* observer) {
  CheckReport report(observer);
  Inspection found;
  CO_TRY(co_await Inspect(target, report, found));
  co_return report.result;
}

// Hears only how far the first look is: the second one tells what is left.
class ProgressOnly : public CheckObserver {
 public:
  explicit ProgressOnly(CheckObserver* observer) : observer_(observer) {}
  void OnMessage(std::string_view) override {}
  void OnProgress(std::uint64_t done_bytes, std::uint64_t total_bytes) override {
    if (observer_ != nullptr) {
      observer_->OnProgress(done_bytes, total_bytes);
    }
  }
  void OnRepaired(const CheckResult&) override {}

 private:
  CheckObserver* const observer_;
};

// Looks and repairs. The result is that of another look, unless the first has found nothing.
Task<Result<CheckResult, Error>> LookAndRepair(CheckTarget target, CheckFix fix,
                                               CheckObserver* observer) {
  ProgressOnly progress(observer);
  CheckReport said(&progress);
  const auto found = std::make_unique<Inspection>();
  CO_TRY(co_await Inspect(target, said, *found));
  if (said.result.clean()) {
    co_return said.result;
  }
  Repair repair(target, fix, said, observer, *found);
  CO_TRY(co_await repair.Run());
  const CheckResult& fixed = repair.fixed();
  if (observer != nullptr && fixed.leaks_fixed + fixed.corruptions_fixed > 0) {
    observer->OnRepaired(fixed);
  }
  *found = Inspection();
  target.max_snapshot_extra = kMaxSnapshotExtra;
  CO_ASSIGN(CheckResult result, co_await Look(target, observer));
  result.leaks_fixed = fixed.leaks_fixed;
  result.corruptions_fixed = fixed.corruptions_fixed;
  co_return result;
}

}  // namespace

Task<Result<CheckResult, Error>> CheckTables(const BlockRef& file, Header& header,
                                             std::string_view filename, CheckFix fix,
                                             CheckObserver* observer) {
  CheckTarget target{file, header, filename};
  if (fix == CheckFix::kAll) {
    target.max_snapshot_extra = UINT32_MAX;
  }
  if (fix == CheckFix::kNone) {
    const Result<CheckResult, Error> looked = co_await Look(target, observer);
    co_return looked;
  }
  CO_ASSIGN(const CheckResult result, co_await LookAndRepair(target, fix, observer));
  if (result.corruptions == 0 && result.check_errors == 0) {
    CO_TRY(co_await MarkClean(target));
  }
  co_return result;
}

Task<Result<Unit, Error>> RepairDirty(const BlockRef& file, Header& header,
                                      std::string_view filename) {
  CO_ASSIGN(const CheckResult result,
            co_await CheckTables(file, header, filename, CheckFix::kAll, nullptr));
  if (result.corruptions != 0 || result.check_errors != 0) {
    co_return Error{Errno{EIO},
                    fmt::format("{}: the image was not closed properly and {} corruptions cannot "
                                "be repaired; see fusebay img check",
                                filename, result.corruptions + result.check_errors)};
  }
  co_return Unit{};
}

Task<Result<CheckResult, Error>> CheckQcow2(const BlockRef& file, std::string_view filename,
                                            CheckFix fix, CheckObserver& observer) {
  CO_ASSIGN(Header header, co_await ReadHeader(file, filename, HeaderUse::kCheck));
  Result<CheckResult, Error> result = co_await CheckTables(file, header, filename, fix, &observer);
  co_return result;
}

}  // namespace fusebay::qcow2
