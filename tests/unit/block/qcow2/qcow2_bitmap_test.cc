// The bitmap directory.
#include "qcow2/qcow2_bitmap.h"

#include <string>

#include "check.h"

namespace fusebay::qcow2 {
namespace {

std::string Entry(std::string_view name, std::uint32_t flags, char granularity_bits) {
  std::string entry(kBitmapFixedBytes, '\0');
  StoreBe<std::uint32_t>(entry.data() + 12, flags);
  entry[16] = 1;
  entry[17] = granularity_bits;
  StoreBe<std::uint16_t>(entry.data() + 18, static_cast<std::uint16_t>(name.size()));
  entry += name;
  entry.resize((entry.size() + 7) / 8 * 8);
  return entry;
}

Result<std::vector<BitmapInfo>, Error> Parse(const std::string& directory, std::uint32_t count) {
  return ParseBitmapDirectory(std::as_bytes(std::span(directory)), count, "disk.qcow2");
}

TEST(NamesGranularitiesAndFlagsAreParsed) {
  const auto bitmaps = Parse(Entry("daily", 3, 16) + Entry("b", 0, 9), 2);
  CHECK_OK(bitmaps);
  CHECK_EQ((*bitmaps)[0].name, "daily");
  CHECK_EQ((*bitmaps)[0].granularity, 65536u);
  CHECK((*bitmaps)[0].flags == std::vector<std::string>({"in-use", "auto"}));
  CHECK_EQ((*bitmaps)[1].granularity, 512u);
  CHECK((*bitmaps)[1].flags.empty());
}

TEST(ACutDirectoryIsRefused) {
  CHECK_MESSAGE(Parse(Entry("daily", 0, 16), 2), "entry 1 lies beyond the end of the directory");
  CHECK_MESSAGE(Parse(Entry("daily", 0, 16).substr(0, 26), 1), "entry 0 lies beyond the end");
}

TEST(AnImpossibleGranularityIsRefused) {
  CHECK_MESSAGE(Parse(Entry("daily", 0, 64), 1), "entry 0 has an unknown granularity");
}

}  // namespace
}  // namespace fusebay::qcow2
