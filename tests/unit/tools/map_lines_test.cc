// The lines of a map: what is joined, and both forms.
#include "map_lines.h"

#include "check.h"

using namespace fusebay;

namespace {

MapEntry Data(std::uint64_t start, std::uint64_t length, std::uint64_t offset) {
  MapEntry entry;
  entry.start = start;
  entry.length = length;
  entry.present = entry.data = true;
  entry.offset = offset;
  entry.filename = "disk.qcow2";
  return entry;
}

MapEntry Hole(std::uint64_t start, std::uint64_t length) {
  MapEntry entry;
  entry.start = start;
  entry.length = length;
  entry.zero = true;
  return entry;
}

std::string Render(OutputFormat format, std::initializer_list<MapEntry> entries) {
  MapLines lines(format);
  for (const MapEntry& entry : entries) {
    CHECK_OK(lines.Add(entry));
  }
  CHECK_OK(lines.Finish(7));
  return lines.Take();
}

constexpr std::string_view kHead = "Offset          Length          Mapped to       File\n";

}  // namespace

TEST(WhatGoesOnIsOneLine) {
  CHECK_EQ(Render(OutputFormat::kHuman, {Data(0, 512, 4096), Data(512, 512, 4608)}),
           std::string(kHead) + "0               0x400           0x1000          disk.qcow2\n");
}

TEST(AnotherPlaceIsAnotherLine) {
  CHECK_EQ(Render(OutputFormat::kHuman, {Data(0, 512, 512), Data(512, 512, 0)}),
           std::string(kHead) + "0               0x200           0x200           disk.qcow2\n" +
               "0x200           0x200           0               disk.qcow2\n");
}

TEST(HolesAreInTheJsonFormOnly) {
  CHECK_EQ(Render(OutputFormat::kHuman, {Hole(0, 512)}), kHead);
  CHECK_EQ(Render(OutputFormat::kJson, {Hole(0, 512), Data(512, 512, 0)}),
           "[{ \"start\": 0, \"length\": 512, \"depth\": 0, \"present\": false, \"zero\": true, "
           "\"data\": false},\n"
           "{ \"start\": 512, \"length\": 512, \"depth\": 0, \"present\": true, \"zero\": false, "
           "\"data\": true, \"offset\": 0}]\n");
}

TEST(AnEmptyMapHasOneEmptyEntry) {
  CHECK_EQ(Render(OutputFormat::kHuman, {}), kHead);
  CHECK_EQ(Render(OutputFormat::kJson, {}),
           "[{ \"start\": 7, \"length\": 0, \"depth\": 0, \"present\": false, \"zero\": false, "
           "\"data\": false}]\n");
}

TEST(CompressedDataHasNoHumanForm) {
  MapEntry compressed = Data(0, 512, 0);
  compressed.offset.reset();
  compressed.filename.clear();
  MapLines lines(OutputFormat::kHuman);
  CHECK_OK(lines.Add(compressed));
  CHECK_MESSAGE(lines.Finish(0), "external, encrypted or compressed clusters");
}
