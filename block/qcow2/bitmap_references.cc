// Walks the bitmap directory and the bitmap tables.
#include "qcow2/bitmap_references.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/align.h"
#include "qcow2/qcow2_bitmap.h"
#include "qcow2/qcow2_io.h"

namespace fusebay::qcow2 {

namespace {

constexpr std::uint32_t kMaxTableEntries = 1u << 27;
constexpr std::uint64_t kEntryReserved = 0xff000000000001fe;
constexpr std::uint64_t kEntryAllOnes = 1;
constexpr std::size_t kChunkEntries = 1 << 17;

struct TablePlace {
  std::uint64_t offset = 0;
  std::uint32_t entries = 0;
};

// REQUIRES: ParseBitmapDirectory has found `directory` good.
std::vector<TablePlace> TablesOf(ByteSpan directory, std::uint32_t count) {
  std::vector<TablePlace> tables;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::byte* const p = directory.data();
    tables.push_back({LoadBe<std::uint64_t>(p), LoadBe<std::uint32_t>(p + 8)});
    const std::uint64_t length = kBitmapFixedBytes + std::uint64_t{LoadBe<std::uint16_t>(p + 18)} +
                                 LoadBe<std::uint32_t>(p + 20);
    directory = directory.subspan(std::min<std::size_t>(AlignUp(length, 8), directory.size()));
  }
  return tables;
}

bool IsRight(std::uint64_t entry, std::uint64_t cluster) {
  const std::uint64_t offset = entry & kOffsetMask;
  return (entry & kEntryReserved) == 0 && IsAligned(offset, cluster) &&
         (offset == 0 || (entry & kEntryAllOnes) == 0);
}

void CountEntries(std::span<const std::uint64_t> entries, std::uint64_t cluster,
                  RegionCounter& regions, CheckReport& report) {
  for (const std::uint64_t& stored : entries) {
    const auto entry = LoadBe<std::uint64_t>(&stored);
    if (!IsRight(entry, cluster)) {
      report.Corrupt(fmt::format("ERROR bitmap table entry {:x} is wrong", entry));
    } else if ((entry & kOffsetMask) != 0) {
      regions.Count(entry & kOffsetMask, cluster);
    }
  }
}

Task<Result<Unit, Error>> CountTable(const BlockRef& file, const Header& header,
                                     std::string_view filename, TablePlace table,
                                     RegionCounter& regions, CheckReport& report) {
  if (table.entries == 0 || table.entries > kMaxTableEntries || table.offset == 0 ||
      !IsAligned(table.offset, header.cluster_size())) {
    co_return Error{Errno{EINVAL}, fmt::format("{}: the bitmap table at {:#x} with {} entries is "
                                               "not aligned or of a wrong size",
                                               filename, table.offset, table.entries)};
  }
  regions.Count(table.offset, std::uint64_t{table.entries} * 8);
  std::vector<std::uint64_t> chunk;
  for (std::uint64_t done = 0; done < table.entries; done += chunk.size()) {
    const std::uint64_t at = table.offset + done * 8;
    if (at >= file.size()) {
      break;
    }
    chunk.assign(std::min<std::uint64_t>(table.entries - done, kChunkEntries), 0);
    const iovec iov{chunk.data(), chunk.size() * 8};
    const Result<> read = co_await ReadOrZero(file, at, IoVec::Of(iov));
    if (!read.ok()) {
      co_return Error{read.error(), fmt::format("{}: cannot read the bitmap table at {:#x}",
                                                filename, table.offset)};
    }
    CountEntries(chunk, header.cluster_size(), regions, report);
  }
  co_return Unit{};
}

}  // namespace

Task<Result<Unit, Error>> CountBitmaps(const BlockRef& file, const Header& header,
                                       std::string_view filename, RegionCounter& regions,
                                       CheckReport& report) {
  if (!header.bitmaps.has_value()) {
    co_return Unit{};
  }
  const BitmapsExtension& place = *header.bitmaps;
  regions.Count(place.directory_offset, place.directory_bytes);
  std::vector<std::byte> directory(place.directory_bytes);
  CO_TRY(co_await ReadTable(file, place.directory_offset, directory,
                            TableName{filename, "the bitmap directory"}));
  CO_TRY(ParseBitmapDirectory(directory, place.count, filename));
  for (const TablePlace table : TablesOf(directory, place.count)) {
    CO_TRY(co_await CountTable(file, header, filename, table, regions, report));
  }
  co_return Unit{};
}

}  // namespace fusebay::qcow2
