// Tests of the list of exports.
#include "export_list.h"

#include <unistd.h>

#include <algorithm>

#include "tools_fixture.h"

using namespace fusebay;
using fusebay::test::Entry;
using fusebay::test::Root;

namespace {

ExportRecord RecordOf(unsigned minor, bool alive) {
  ExportRecord record;
  record.pid = ::getpid();
  record.start_time = *ProcessStartTime(record.pid) + (alive ? 0 : 1);
  record.image = "/srv/real.qcow2";
  record.format = "qcow2";
  record.cache = "auto";
  record.size = 3 << 20;
  record.mounts = {{"/srv/m", 0, minor}};
  return record;
}

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST(OnlyOurMountsAreListed) {
  const auto list = JoinExports({Root(), Entry(7, "/srv/m", 40)}, {});
  CHECK_EQ(list.size(), 1u);
  CHECK_EQ(list[0].mount.mountpoint, "/srv/m");
}

TEST(ServedExportHasItsRecord) {
  const auto list = JoinExports({Entry(7, "/srv/m", 40)}, {RecordOf(40, true)});
  CHECK_EQ(list[0].state, ExportState::kServed);
  CHECK_EQ(list[0].image, "/srv/real.qcow2");
  CHECK(list[0].size == std::uint64_t{3} << 20);
}

TEST(ExportOfAGoneProcessIsDead) {
  const auto list = JoinExports({Entry(7, "/srv/m", 40)}, {RecordOf(40, false)});
  CHECK_EQ(list[0].state, ExportState::kDead);
}

TEST(ReusedDeviceNumberDoesNotMakeAMountDead) {
  const auto list = JoinExports({Entry(7, "/srv/other", 40)}, {RecordOf(40, false)});
  CHECK_EQ(list[0].state, ExportState::kUnknown);
}

TEST(LivingProcessGoesBeforeADeadOne) {
  const auto list =
      JoinExports({Entry(7, "/srv/m", 40)}, {RecordOf(40, false), RecordOf(40, true)});
  CHECK_EQ(list[0].state, ExportState::kServed);
}

TEST(WithoutARecordTheMountTableIsAllWeKnow) {
  const auto list = JoinExports({Entry(7, "/srv/m", 40)}, {RecordOf(41, true)});
  CHECK_EQ(list[0].state, ExportState::kUnknown);
  CHECK_EQ(list[0].image, "/srv/disk.img");
  CHECK(!list[0].size.has_value());
}

TEST(OwnerAndModeComeFromTheMountOptions) {
  fuse::MountEntry entry = Entry(7, "/srv/m", 40);
  entry.options = "rw,nosuid";
  entry.super_options = "rw,not_user_id=5,user_id=1000,group_id=7";
  const auto list = JoinExports({entry, Entry(8, "/srv/n", 41)}, {});
  CHECK_EQ(list[0].owner, 1000u);
  CHECK(list[0].writable);
  CHECK(!list[1].writable);
}

TEST(TextHasOneLinePerExport) {
  const std::string text = RenderExportsText(
      JoinExports({Entry(7, "/srv/m", 40), Entry(8, "/srv/a\nb", 41)}, {RecordOf(40, true)}));
  CHECK_EQ(std::count(text.begin(), text.end(), '\n'), 3);
  CHECK(Contains(text, "MOUNTPOINT"));
  CHECK(Contains(text, "3 MiB"));
  CHECK(Contains(text, std::to_string(::getpid())));
  CHECK(Contains(text, "/srv/a\\x0ab"));
}

TEST(TextNamesTheUser) {
  fuse::MountEntry roots = Entry(7, "/srv/m", 40);
  roots.super_options = "rw,user_id=0";
  fuse::MountEntry nameless = Entry(8, "/srv/n", 41);
  nameless.super_options = "rw,user_id=4123456789";
  const std::string text = RenderExportsText(JoinExports({roots, nameless}, {}));
  CHECK(Contains(text, " USER "));
  CHECK(Contains(text, " root "));
  CHECK(Contains(text, " 4123456789 "));
}

TEST(NothingExportedIsNoText) { CHECK_EQ(RenderExportsText({}), ""); }

TEST(JsonHasExactNames) {
  const std::string json =
      RenderExportsJson(JoinExports({Entry(7, "/srv/a\nb", 40)}, {RecordOf(40, true)}));
  CHECK(Contains(json, R"("mountpoint": "/srv/a\nb")"));
  CHECK(Contains(json, R"("state": "served")"));
  CHECK(Contains(json, R"("format": "qcow2")"));
  CHECK(Contains(json, R"("size": 3145728)"));
}

TEST(JsonOfNothingIsAnEmptyArray) { CHECK_EQ(RenderExportsJson({}), "[]\n"); }

TEST(NamesThatAreNotUtf8DoNotBreakTheJson) {
  CHECK(Contains(RenderExportsJson(JoinExports({Entry(7, "/srv/\xff", 40)}, {})), "/srv/"));
}
