// Parses the bitmap directory.
#include "qcow2/qcow2_bitmap.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/align.h"
#include "qcow2/qcow2_io.h"

namespace fusebay::qcow2 {

namespace {

constexpr std::uint32_t kFlagInUse = 1u << 0;
constexpr std::uint32_t kFlagAuto = 1u << 1;
constexpr std::uint8_t kMaxGranularityBits = 63;

}  // namespace

Result<std::vector<BitmapInfo>, Error> ParseBitmapDirectory(ByteSpan directory, std::uint32_t count,
                                                            std::string_view filename) {
  const auto refuse = [filename](std::size_t index, std::string_view what) {
    return Error{Errno{EINVAL},
                 fmt::format("{}: Bitmap directory entry {} {}", filename, index, what)};
  };
  std::vector<BitmapInfo> bitmaps;
  while (bitmaps.size() < count) {
    if (directory.size() < kBitmapFixedBytes) {
      return refuse(bitmaps.size(), "lies beyond the end of the directory");
    }
    const std::byte* const p = directory.data();
    const auto flags = LoadBe<std::uint32_t>(p + 12);
    const auto granularity_bits = std::to_integer<std::uint8_t>(p[17]);
    const auto name_length = LoadBe<std::uint16_t>(p + 18);
    const auto extra = LoadBe<std::uint32_t>(p + 20);
    const std::uint64_t length = std::uint64_t{kBitmapFixedBytes} + extra + name_length;
    if (length > directory.size()) {
      return refuse(bitmaps.size(), "lies beyond the end of the directory");
    }
    if (granularity_bits > kMaxGranularityBits || name_length > kMaxBitmapName) {
      return refuse(bitmaps.size(), "has an unknown granularity or a name that is too long");
    }
    BitmapInfo bitmap;
    bitmap.granularity = std::uint64_t{1} << granularity_bits;
    bitmap.name.assign(reinterpret_cast<const char*>(p) + kBitmapFixedBytes + extra, name_length);
    if ((flags & kFlagInUse) != 0) {
      bitmap.flags.emplace_back("in-use");
    }
    if ((flags & kFlagAuto) != 0) {
      bitmap.flags.emplace_back("auto");
    }
    bitmaps.push_back(std::move(bitmap));
    directory = directory.subspan(std::min<std::size_t>(AlignUp(length, 8), directory.size()));
  }
  return bitmaps;
}

Task<Result<std::vector<BitmapInfo>, Error>> ReadBitmaps(const BlockRef& file, const Header& header,
                                                         std::string_view filename) {
  if (!header.bitmaps.has_value()) {
    co_return std::vector<BitmapInfo>{};
  }
  std::vector<std::byte> directory(header.bitmaps->directory_bytes);
  CO_TRY(co_await ReadTable(file, header.bitmaps->directory_offset, directory,
                            TableName{filename, "the bitmap directory"}));
  co_return ParseBitmapDirectory(directory, header.bitmaps->count, filename);
}

}  // namespace fusebay::qcow2
