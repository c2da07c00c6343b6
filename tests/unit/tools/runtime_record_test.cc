// Tests of a record as JSON, and of the identity of a process.
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "runtime.h"

using namespace fusebay;

namespace {

ExportRecord Example() {
  ExportRecord record;
  record.image = "/srv/a \"b\"\n.qcow2";
  record.format = "qcow2";
  record.node_name = "disk";
  record.mounts = {{"/srv/m", 0, 40}, {"/srv/n", 0, 41}};
  record.writable = true;
  record.cache = "none";
  record.size = std::uint64_t{1} << 40;
  return record;
}

}  // namespace

TEST(JsonKeepsEverything) {
  ExportRecord record = Example();
  record.pid = 12;
  record.start_time = 34;
  const auto copy = RecordFromJson(RecordToJson(record));
  CHECK_OK(copy);
  CHECK_EQ(RecordToJson(*copy), RecordToJson(record));
  CHECK_EQ(copy->image, record.image);
  CHECK_EQ(copy->mounts[1].device_minor, 41u);
}

TEST(BadJsonIsAnError) {
  for (const std::string_view text :
       {"", "{", "[]", "7", "{}", "{\"pid\": \"x\"}", "{\"pid\": 3}"}) {
    CHECK(!RecordFromJson(text).ok());
  }
  CHECK_OK(RecordFromJson(R"({"pid": 3, "start-time": 4, "image": 5, "mounts": [1, {}]})"));
}

TEST(StartTimeTellsProcessesApart) {
  CHECK(ProcessStartTime(::getpid()).has_value());
  CHECK(!ProcessStartTime(0x7ffffff0).has_value());
  ExportRecord record;
  record.pid = ::getpid();
  record.start_time = *ProcessStartTime(record.pid);
  CHECK(IsAlive(record));
  ++record.start_time;
  CHECK(!IsAlive(record));
}

TEST(ZombieIsNoProcess) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(0);
  }
  siginfo_t ended{};
  CHECK_EQ(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT), 0);
  CHECK(!ProcessStartTime(child).has_value());
  CHECK_EQ(::waitpid(child, nullptr, 0), child);
}

TEST(MountIsKnownByDeviceAndMountpoint) {
  fuse::MountEntry entry;
  entry.device_minor = 40;
  entry.mountpoint = "/srv/m";
  CHECK(Example().Was(entry));
  entry.mountpoint = "/srv/n";
  CHECK(!Example().Was(entry));
}
