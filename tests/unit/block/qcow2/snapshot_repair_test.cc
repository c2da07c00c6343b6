// Snapshot tables made whole, in memory and in an image.
#include "qcow2/snapshot_repair.h"

#include <cstring>
#include <string>

#include "check_fixture.h"

namespace fusebay::qcow2 {
namespace {

using test::CheckedImage;
using test::ImageBuilder;

constexpr std::uint64_t kCluster = 64 * kKiB;

// An entry of the snapshot "id" named "name", with extra data of 1, 2, 3 ...
std::string Entry(std::size_t extra, std::uint64_t l1_offset = 0, std::uint32_t l1_entries = 0) {
  std::string entry(kSnapshotFixedBytes + extra, '\0');
  StoreBe<std::uint64_t>(entry.data(), l1_offset);
  StoreBe<std::uint32_t>(entry.data() + 8, l1_entries);
  StoreBe<std::uint16_t>(entry.data() + 12, 2);
  StoreBe<std::uint16_t>(entry.data() + 14, 4);
  StoreBe<std::uint32_t>(entry.data() + 32, 77);
  StoreBe<std::uint32_t>(entry.data() + 36, static_cast<std::uint32_t>(extra));
  for (std::size_t i = 0; i < extra; ++i) {
    entry[kSnapshotFixedBytes + i] = static_cast<char>(i + 1);
  }
  entry += "idname";
  entry.resize((entry.size() + 7) / 8 * 8);
  return entry;
}

struct Whole {
  explicit Whole(const std::string& table, std::uint32_t count, std::uint32_t version = 3) {
    Header header;
    header.version = version;
    header.size = 4096;
    header.snapshot_count = count;
    CheckReport report(nullptr);
    bytes = WholeSnapshotTable(std::as_bytes(std::span(table)), header, report);
    const auto parsed = ParseSnapshots(bytes, count, 1, "image");
    CHECK_OK(parsed);
    CHECK_EQ(parsed->size(), count);
    snapshots = *parsed;
  }
  std::vector<std::byte> bytes;
  std::vector<Snapshot> snapshots;
};

TEST(WholeEntriesStayAsTheyAre) {
  const std::string table = Entry(16) + Entry(24) + Entry(1024);
  const Whole whole(table, 3);
  CHECK_EQ(whole.bytes.size(), table.size());
  CHECK_EQ(std::memcmp(whole.bytes.data(), table.data(), table.size()), 0);
  CHECK_EQ(Whole(Entry(0), 1, 2).bytes.size(), Entry(0).size());
}

TEST(AnEntryGetsWhatVersion3Has) {
  const Whole whole(Entry(0) + Entry(8), 2);
  CHECK_EQ(whole.snapshots[0].extra_bytes, 16u);
  CHECK_EQ(whole.snapshots[0].info.vm_state_size, 77u);
  CHECK_EQ(whole.snapshots[0].info.virtual_size, 4096u);
  CHECK_EQ(whole.snapshots[0].info.name, "name");
  CHECK_EQ(whole.snapshots[1].info.vm_state_size, 0x0102030405060708u);
  CHECK_EQ(whole.snapshots[1].info.virtual_size, 4096u);
}

TEST(ExtraDataIsCutToWhatIsAllowed) {
  const Whole whole(Entry(1025) + Entry(16), 2);
  CHECK_EQ(whole.snapshots[0].extra_bytes, 1024u);
  CHECK_EQ(whole.snapshots[0].info.id, "id");
  CHECK_EQ(whole.snapshots[1].info.id, "id");
}

// Snapshots whose L1 tables are in clusters 6 and up, and their table in cluster 5.
std::vector<std::byte> WithSnapshots(const std::vector<std::string>& entries) {
  ImageBuilder image;
  std::string table;
  for (const std::string& entry : entries) {
    table += entry;
  }
  image.Bytes(5 * kCluster, table);
  image.bytes().resize((6 + entries.size()) * kCluster);
  image.Set32(60, static_cast<std::uint32_t>(entries.size())).Set64(64, 5 * kCluster);
  image.Set64(kCluster, 2 * kCluster);
  for (std::uint64_t i = 0; i < 6 + entries.size(); ++i) {
    image.Set8(2 * kCluster + i * 2 + 1, 1);
  }
  return image.bytes();
}

TEST(AnIncompleteEntryIsRepairedInANewTable) {
  CheckedImage image(WithSnapshots({Entry(16, 6 * kCluster, 1), Entry(0, 7 * kCluster, 1)}));
  CHECK_EQ(image.Check().corruptions, 1u);
  CHECK(image.Said("ERROR snapshot table entry 1 is incomplete"));
  CHECK_EQ(image.Check(CheckFix::kLeaks).corruptions, 1u);
  const CheckResult result = image.Check(CheckFix::kAll);
  CHECK(image.Said("Repairing snapshot table entry 1 is incomplete"));
  CHECK(result.clean());
  CHECK_EQ(result.corruptions_fixed, 1u);
  CHECK_EQ(result.leaks_fixed, 0u);
  CHECK(image.Get64(64) != 5 * kCluster);
  CHECK(image.Check().clean());
}

TEST(TooMuchExtraDataIsTakenAwayByARepairOnly) {
  CheckedImage image(WithSnapshots({Entry(1032, 6 * kCluster, 1)}));
  CHECK_MESSAGE(image.TryCheck(), "1032 bytes of extra data");
  const CheckResult result = image.Check(CheckFix::kAll);
  CHECK(image.Said("Discarding too much extra metadata in snapshot table entry 0 (1032 > 1024)"));
  CHECK(result.clean());
  CHECK_EQ(result.corruptions_fixed, 1u);
}

TEST(TheHeaderNamesTheNewTableWhenItIsOnTheDisk) {
  CheckedImage image(WithSnapshots({Entry(0, 6 * kCluster, 1)}));
  CHECK(image.Check(CheckFix::kAll).clean());
  const std::uint64_t place = image.Get64(64);
  std::size_t table_epoch = 0;
  std::size_t header_epoch = 0;
  for (const auto& write : image.file->writes) {
    if (write.offset == place) {
      table_epoch = write.epoch;
    } else if (write.offset == 64) {
      header_epoch = write.epoch;
    }
  }
  CHECK(table_epoch < header_epoch);
}

// A rebuild counts with a longer file than there is to read.
TEST(ARebuildReadsAnL1TableAsFarAsTheFileGoes) {
  std::vector<std::byte> bytes = WithSnapshots({Entry(16, 6 * kCluster, 8192)});
  bytes.resize(6 * kCluster + 12);
  CheckedImage image(std::move(bytes));
  image.Set64(kCluster, 0);  // no refcounts at all
  CHECK(image.Check(CheckFix::kAll).clean());
  CHECK(image.Said("Rebuilding refcount structure"));
}

// The file may end within its last cluster, and with it the table: the rest of that is zeroes.
TEST(ARepairReadsARefcountTableAsFarAsTheFileGoes) {
  std::vector<std::byte> bytes = WithSnapshots({Entry(0, 6 * kCluster, 1)});
  bytes.resize(7 * kCluster + 8);
  CheckedImage image(std::move(bytes));
  image.Set64(kAtRefcountTableOffset, 7 * kCluster).Set64(7 * kCluster, 2 * kCluster);
  image.SetRefcount(1, 0).SetRefcount(7, 1);
  CHECK_EQ(image.Check().corruptions, 1u);
  const CheckResult result = image.Check(CheckFix::kAll);
  CHECK(result.clean());
  CHECK_EQ(result.corruptions_fixed, 1u);
  CHECK(image.Get64(64) != 5 * kCluster);
}

TEST(SnapshotsThatShareAnL1TableCountItOnceEach) {
  CheckedImage image(WithSnapshots(
      {Entry(16, 6 * kCluster, 1), Entry(16, 6 * kCluster, 2), Entry(16, 6 * kCluster, 1)}));
  image.Set64(6 * kCluster, 7 * kCluster).Set64(6 * kCluster + 8, 8 * kCluster);
  image.SetRefcount(6, 3).SetRefcount(7, 3).SetRefcount(8, 1);
  CHECK(image.Check().clean());
  image.SetRefcount(7, 4);
  CHECK_EQ(image.Check().leaks, 1u);
}

}  // namespace
}  // namespace fusebay::qcow2
