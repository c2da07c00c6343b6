// The snapshot table: entries of every length, and tables that are wrong.
#include "qcow2/qcow2_snapshot.h"

#include <cstring>
#include <string>

#include "check.h"

namespace fusebay::qcow2 {
namespace {

std::string Entry(std::string_view id, std::string_view name, std::uint32_t extra) {
  std::string entry(kSnapshotFixedBytes + extra, '\0');
  StoreBe<std::uint64_t>(entry.data(), 0x70000);
  StoreBe<std::uint32_t>(entry.data() + 8, 9);
  StoreBe<std::uint16_t>(entry.data() + 12, static_cast<std::uint16_t>(id.size()));
  StoreBe<std::uint16_t>(entry.data() + 14, static_cast<std::uint16_t>(name.size()));
  StoreBe<std::uint32_t>(entry.data() + 16, 1000);
  StoreBe<std::uint32_t>(entry.data() + 32, 77);
  StoreBe<std::uint32_t>(entry.data() + 36, extra);
  if (extra >= 16) {
    StoreBe<std::uint64_t>(entry.data() + 40, 88);
    StoreBe<std::uint64_t>(entry.data() + 48, 12345);
  }
  if (extra >= 24) {
    StoreBe<std::uint64_t>(entry.data() + 56, 99);
  }
  entry += id;
  entry += name;
  entry.resize((entry.size() + 7) / 8 * 8);
  return entry;
}

Result<std::vector<Snapshot>, Error> Parse(const std::string& table, std::uint32_t count) {
  return ParseSnapshots(std::as_bytes(std::span(table)), count, 4096, "disk.qcow2");
}

TEST(EntriesOfEveryLengthAreParsed) {
  const auto snapshots = Parse(Entry("1", "old", 0) + Entry("22", "", 16) + Entry("3", "n", 24), 3);
  CHECK_OK(snapshots);
  CHECK_EQ(snapshots->size(), 3u);
  const auto& [old, unnamed, counted] = std::tie((*snapshots)[0], (*snapshots)[1], (*snapshots)[2]);
  CHECK_EQ(old.info.name, "old");
  CHECK_EQ(old.info.virtual_size, 4096u);
  CHECK_EQ(old.info.vm_state_size, 77u);
  CHECK_EQ(old.info.icount, -1);
  CHECK_EQ(unnamed.info.id, "22");
  CHECK_EQ(unnamed.info.vm_state_size, 88u);
  CHECK_EQ(unnamed.info.virtual_size, 12345u);
  CHECK_EQ(counted.info.icount, 99);
  CHECK_EQ(counted.l1_offset, 0x70000u);
  CHECK_EQ(counted.l1_entries, 9u);
}

TEST(ACutTableGivesTheWholeEntries) {
  const std::string table = Entry("1", "a", 16) + Entry("2", "b", 16);
  const auto snapshots = Parse(table.substr(0, table.size() - 10), 2);
  CHECK_OK(snapshots);
  CHECK_EQ(snapshots->size(), 1u);
}

TEST(TooMuchExtraDataIsRefused) {
  std::string table = Entry("1", "a", 16);
  StoreBe<std::uint32_t>(table.data() + 36, 1025);
  CHECK_MESSAGE(Parse(table, 1), "disk.qcow2: Snapshot table entry 0 has 1025 bytes of extra data");
}

TEST(AnIdComesBeforeAName) {
  const auto snapshots = Parse(Entry("1", "2", 16) + Entry("2", "x", 16), 2);
  CHECK_OK(snapshots);
  CHECK_EQ(FindSnapshot(*snapshots, "2")->info.name, "x");
  CHECK_EQ(FindSnapshot(*snapshots, "x")->info.id, "2");
  CHECK(FindSnapshot(*snapshots, "3") == nullptr);
}

}  // namespace
}  // namespace fusebay::qcow2
