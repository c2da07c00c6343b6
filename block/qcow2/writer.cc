// Writer: opening, writes in place, flush and the end.
#include "qcow2/writer.h"

#include <fmt/format.h>

#include "base/align.h"
#include "core/log.h"
#include "qcow2/header_update.h"
#include "qcow2/qcow2_io.h"

namespace fusebay::qcow2 {

namespace {

// The bits of the header's autoclear field that stay true however we change the image.
constexpr std::uint64_t kAutoclearKept = kAutoclearDataFileRaw;
// A write back may make changes of its own (refcounts of what it has given back).
constexpr int kMaxRounds = 8;

Result<Unit, Error> CheckRefcountTable(const Image& image,
                                       const std::vector<std::uint64_t>& table) {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if ((table[i] & 0x1ff) != 0 || !IsAligned(table[i], image.header.cluster_size()) ||
        table[i] >= image.file.size()) {
      return table[i] == 0
                 ? Result<Unit, Error>{Unit{}}
                 : Error{Errno{EIO},
                         fmt::format("{}: entry {} of the refcount table is no place of a "
                                     "refcount block: {:#x}",
                                     image.filename, i, table[i])};
    }
  }
  return Unit{};
}

// Error: two tables lie in one place, or one of a snapshot cannot be where it should.
Result<Unit, Error> AddTables(const Image& image, const std::vector<std::uint64_t>& l1,
                              const std::vector<std::uint64_t>& refcount_table,
                              MetadataPlaces& places) {
  const Header& header = image.header;
  const std::uint64_t cluster = header.cluster_size();
  bool apart = places.Add(0, cluster) &&
               places.Add(header.l1_offset, l1.size() * sizeof(std::uint64_t)) &&
               places.Add(header.refcount_table_offset, header.refcount_table_clusters * cluster);
  for (const std::uint64_t block : refcount_table) {
    apart = apart && (block == 0 || places.Add(block, cluster));
  }
  for (const std::uint64_t entry : l1) {
    const std::uint64_t table = entry & kOffsetMask;
    apart = apart && (table == 0 || places.Add(table, cluster));
  }
  if (header.snapshot_count != 0) {
    apart = apart && places.Add(header.snapshots_offset, 1);
  }
  for (const Snapshot& snapshot : image.snapshots) {
    const L1Place place{snapshot.l1_offset, snapshot.l1_entries, snapshot.info.virtual_size};
    FB_TRY(CheckL1(header, place, image.file.size(), image.filename,
                   fmt::format("L1 table of snapshot '{}'", snapshot.info.id)));
    apart = apart && places.Add(place.offset, place.entries * sizeof(std::uint64_t));
  }
  if (!apart) {
    return Error{Errno{EIO}, fmt::format("{}: cannot be written: two of its tables lie in one "
                                         "place; repair it with fusebay img check -r all",
                                         image.filename)};
  }
  return Unit{};
}

}  // namespace

Task<Result<std::unique_ptr<Writer>, Error>> Writer::Create(Image& image, ClusterMap& map,
                                                            GuestReader& reader) {
  const Header& header = image.header;
  CO_ASSIGN(const std::vector<std::uint64_t> table,
            co_await ReadEntries(image.file, header.refcount_table_offset,
                                 header.refcount_table_entries(),
                                 TableName{image.filename, "the refcount table"}));
  CO_TRY(CheckRefcountTable(image, table));
  auto writer = std::make_unique<Writer>(image, map, reader, table);
  CO_TRY(AddTables(image, map.CopyL1(), table, writer->places_));
  co_return std::move(writer);
}

Writer::Writer(Image& image, ClusterMap& map, GuestReader& reader, std::vector<std::uint64_t> table)
    : image_(image),
      map_(map),
      reader_(reader),
      places_(image.header.cluster_bits),
      refcounts_(image.file, image.header, places_, table, image.caches.refcount_bytes),
      allocator_(image.file, image.header, places_, refcounts_),
      write_back_(image.file, image.data_file, image.header, map, allocator_, grace_) {
  map.SetRoomMaker(&write_back_);
}

std::uint64_t Writer::ClusterDown(std::uint64_t offset) const {
  return AlignDown(offset, layout().cluster_size());
}

std::uint64_t Writer::ClusterUp(std::uint64_t offset) const {
  return AlignUp(offset, layout().cluster_size());
}

// The data file alone is to have the whole disk.
bool Writer::HasRawData() const { return (image_.header.autoclear & kAutoclearDataFileRaw) != 0; }

// What others left in the image and we do not keep up with must not be believed afterwards.
Task<Result<>> Writer::Begin() {
  if (begun_.load(std::memory_order_acquire)) {
    co_return Ok();
  }
  if (broken_.load(std::memory_order_relaxed)) {
    co_return Errno{EIO};
  }
  const CoMutex::Guard guard = co_await beginning_.Lock();
  if (begun_.load(std::memory_order_relaxed)) {
    co_return Ok();
  }
  Header& header = image_.header;
  if (header.version >= 3 && (header.autoclear & ~kAutoclearKept) != 0) {
    const Result<> cleared =
        co_await WriteAutoclear(image_.file, header, header.autoclear & kAutoclearKept);
    CO_TRY(cleared);
  }
  begun_.store(true, std::memory_order_release);
  co_return Ok();
}

// The image is never written again, by us or others, until it has been repaired.
Task<Result<>> Writer::MarkCorrupt(std::string message, const Run* run) {
  if (broken_.exchange(true)) {
    co_return Errno{EIO};
  }
  begun_.store(false);
  LogError(fmt::format("{}: the image is corrupt, and is not written any more", image_.filename));
  if (image_.header.version >= 3) {
    const Result<> marked = co_await WriteIncompatible(
        image_.file, image_.header, image_.header.incompatible | kIncompatibleCorrupt);
    static_cast<void>(marked);  // there is nothing left to do
  }
  if (image_.reporter != nullptr) {
    using Place = std::optional<std::uint64_t>;
    image_.reporter->Report(std::move(message), run == nullptr ? Place() : run->host_offset,
                            run == nullptr ? Place() : run->length, /*fatal=*/true);
  }
  co_return Errno{EIO};
}

// Passes a result on; a corruption that has been found meanwhile is noted in the image.
Task<Result<>> Writer::Failed(Result<> result) {
  if (!allocator_.corrupt()) {
    co_return result;
  }
  const Result<> marked = co_await MarkCorrupt("The refcounts are wrong", nullptr);
  co_return marked;
}

// A guest's data over our own tables would be the end of the image.
Task<Result<>> Writer::CheckInPlace(std::uint64_t guest, const Run& run) {
  if (!image_.data_file && places_.Touches(run.host_offset, run.length)) {
    map_.ReportFault(guest, Fault::kIntoMetadata);
    const Result<> marked =
        co_await MarkCorrupt(std::string(FaultText(Fault::kIntoMetadata)), &run);
    co_return marked;
  }
  const Result<> reached = co_await ReachTo(run.host_offset + run.length);
  co_return reached;
}

// The file that has the data may end before a cluster of it does.
Task<Result<>> Writer::ReachTo(std::uint64_t end) {
  if (end <= data().size()) {
    co_return Ok();
  }
  const CoMutex::Guard guard = co_await data().resizing().Lock();
  if (end <= data().size()) {
    co_return Ok();
  }
  const Result<> reached = co_await data().Truncate(end, Prealloc::kOff);
  co_return reached;
}

Task<Result<>> Writer::Write(std::uint64_t offset, IoVec src, WriteFlags flags) {
  if (!begun_.load(std::memory_order_acquire)) [[unlikely]] {
    const Result<> begun = co_await Begin();
    CO_TRY(begun);
  }
  std::size_t done = 0;
  bool changed = false;
  while (done < src.size) {
    ClusterMap::Found found;
    {
      const Grace::Pass pass = grace_.Enter();
      found = map_.TryFindForWrite(offset + done, src.size - done);
      if (found.state == ClusterMap::Found::State::kRun && found.run.kind == Run::Kind::kData) {
        const Run& run = found.run;
        if ((!image_.data_file && places_.Touches(run.host_offset, run.length)) ||
            run.host_offset + run.length > data().size()) [[unlikely]] {
          const Result<> checked = co_await CheckInPlace(offset + done, run);
          CO_TRY(checked);
        }
        const Result<> written =
            co_await data().Write(run.host_offset, src.Slice(done, run.length), flags);
        CO_TRY(written);
        done += run.length;
        continue;
      }
    }
    if (found.state != ClusterMap::Found::State::kRun) {
      const Result<> resolved = co_await map_.Resolve(offset + done, found);
      CO_TRY(resolved);
      continue;
    }
    changed = true;
    const Result<std::size_t> placed =
        co_await WriteNew(offset + done, src.Slice(done, found.run.length));
    if (!placed.ok()) {
      const Result<> failed = co_await Failed(placed.error());
      co_return failed;
    }
    done += *placed;
  }
  // Data on the disk is worth nothing before the map of it is there, too.
  if (flags.fua && (changed || !write_back_.IsDurable())) {
    const Result<> flushed = co_await Flush(FlushMode::kDisk);
    co_return flushed;
  }
  co_return Ok();
}

// Too many changes at once would take long to write, and would leave no room for other slices.
Task<Result<>> Writer::KeepBounded() {
  if (map_.changed_slices() < kMaxChangedSlices) {
    co_return Ok();
  }
  const Result<> written = co_await write_back_.Commit(FlushMode::kWriteOut);
  co_return written;
}

Task<Result<>> Writer::Flush(FlushMode mode) {
  if (broken_.load(std::memory_order_relaxed)) {
    co_return Errno{EIO};
  }
  const Result<> committed = co_await write_back_.Commit(mode);
  const Result<> result = co_await Failed(committed);
  co_return result;
}

Task<Result<>> Writer::Settle() {
  if (broken_.load()) {
    co_return Ok();
  }
  Result<> result = co_await write_back_.Commit(FlushMode::kDisk);
  for (int i = 0; result.ok() && allocator_.changed() && i < kMaxRounds; ++i) {
    result = co_await write_back_.Commit(FlushMode::kDisk);
  }
  result = co_await Failed(result);
  co_return result;
}

Task<Result<>> Writer::Close() {
  Result<> result = co_await Settle();
  if (result.ok() && !broken_.load()) {
    result = co_await allocator_.TrimFile();
  }
  map_.SetRoomMaker(nullptr);
  co_return result;
}

}  // namespace fusebay::qcow2
