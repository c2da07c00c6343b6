// Tests of the registry of exports.
#include "runtime.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "tools_fixture.h"

using namespace fusebay;
using fusebay::test::Entry;
using fusebay::test::TempFolder;

namespace {

// A registry in a folder of its own.
struct Place {
  TempFolder folder;
  RuntimePlace place;
  Place() {
    place.xdg_runtime_dir = folder.Folder("xdg");
    place.uid = ::geteuid();
    place.run = folder.Folder("run");
    place.tmp = folder.Folder("tmp");
  }
  std::string Registry() const { return place.xdg_runtime_dir + "/fusebay"; }
  std::size_t Files() const {
    std::size_t count = 0;
    for (const auto& file : std::filesystem::directory_iterator(Registry())) {
      count += file.is_regular_file() ? 1 : 0;
    }
    return count;
  }
  // A record of a process that is gone.
  void AddDead(const ExportRecord::Mount& mount) const {
    ExportRecord record;
    record.pid = 1;
    record.start_time = 999'999'999'999;
    record.mounts = {mount};
    std::filesystem::create_directories(Registry());
    CHECK_EQ(::chmod(Registry().c_str(), 0700), 0);
    std::ofstream(Registry() + "/1-999999999999.json") << RecordToJson(record);
  }
};

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

ExportRegistration Register(const Place& p) {
  auto registration = ExportRegistration::Create(Example(), p.place);
  CHECK_OK(registration);
  return std::move(*registration);
}

}  // namespace

TEST(RegisteredExportIsRead) {
  const Place p;
  const ExportRegistration registration = Register(p);
  const auto records = ReadRecords(p.place, {});
  CHECK_EQ(records.size(), 1u);
  CHECK_EQ(records[0].pid, ::getpid());
  CHECK_EQ(records[0].image, Example().image);
  CHECK(records[0].started > 0);
  CHECK(IsAlive(records[0]));
}

TEST(FilesArePrivate) {
  const Place p;
  const ExportRegistration registration = Register(p);
  struct stat st{};
  CHECK_EQ(::stat(p.Registry().c_str(), &st), 0);
  CHECK_EQ(st.st_mode & 07777, 0700u);
  CHECK_EQ(p.Files(), 1u);
}

TEST(EndOfRegistrationRemovesIt) {
  const Place p;
  {
    const ExportRegistration registration = Register(p);
    CHECK_EQ(p.Files(), 1u);
  }
  CHECK_EQ(p.Files(), 0u);
}

TEST(MovedRegistrationRemovesItOnce) {
  const Place p;
  ExportRegistration first = Register(p);
  {
    const ExportRegistration second = std::move(first);
  }
  CHECK_EQ(p.Files(), 0u);
}

TEST(DroppedMountIsGoneFromTheRecord) {
  const Place p;
  ExportRegistration registration = Register(p);
  CHECK_OK(registration.Drop("/srv/m"));
  CHECK_OK(registration.Drop("/srv/unknown"));
  const auto records = ReadRecords(p.place, {});
  CHECK_EQ(records[0].mounts.size(), 1u);
  CHECK_EQ(records[0].mounts[0].mountpoint, "/srv/n");
}

TEST(StaleRecordIsCleanedAway) {
  const Place p;
  p.AddDead({"/srv/m", 0, 40});
  CHECK(ReadRecords(p.place, {}).empty());
  CHECK_EQ(p.Files(), 0u);
}

TEST(DeadMountKeepsItsRecord) {
  const Place p;
  p.AddDead({"/srv/m", 0, 40});
  CHECK_EQ(ReadRecords(p.place, {Entry(7, "/srv/m", 40)}).size(), 1u);
  CHECK_EQ(p.Files(), 1u);
  CHECK(ReadRecords(p.place, {Entry(7, "/srv/other", 40)}).empty());
}

TEST(StrangeFilesAreLeftAlone) {
  const Place p;
  std::filesystem::create_directories(p.Registry());
  CHECK_EQ(::chmod(p.Registry().c_str(), 0700), 0);
  std::ofstream(p.Registry() + "/notes.txt") << "mine";
  std::ofstream(p.Registry() + "/broken.json") << "{";
  CHECK(ReadRecords(p.place, {}).empty());
  CHECK_EQ(p.Files(), 2u);
}

TEST(FolderOpenToOthersIsRefused) {
  const Place p;
  std::filesystem::create_directories(p.Registry());
  CHECK_EQ(::chmod(p.Registry().c_str(), 0755), 0);
  const ExportRegistration registration = Register(p);  // falls back to the next folder
  CHECK_EQ(p.Files(), 0u);
  CHECK_EQ(ReadRecords(p.place, {}).size(), 1u);
}

TEST(SymbolicLinkIsRefused) {
  const Place p;
  p.folder.Folder("elsewhere");
  CHECK_EQ(::chmod((p.folder / "elsewhere").c_str(), 0700), 0);
  CHECK_EQ(::symlink((p.folder / "elsewhere").c_str(), p.Registry().c_str()), 0);
  const ExportRegistration registration = Register(p);
  CHECK(std::filesystem::is_empty(p.folder / "elsewhere"));
}

TEST(NoPlaceAtAllIsAnError) {
  Place p;
  p.place.xdg_runtime_dir = "";
  p.place.run = "/no/such/run";
  p.place.tmp = "/no/such/tmp";
  CHECK_MESSAGE(ExportRegistration::Create(Example(), p.place), "/no/such/tmp");
  CHECK(ReadRecords(p.place, {}).empty());
}

TEST(CandidatesAreInOrder) {
  Place p;
  p.place.uid = 0;
  const auto roots = p.place.Candidates();
  CHECK_EQ(roots.back(), p.place.tmp + "/fusebay-0");
  p.place.uid = 4242;  // the XDG folder is not theirs
  const auto candidates = p.place.Candidates();
  CHECK_EQ(candidates.size(), 2u);
  CHECK_EQ(candidates[0], p.place.run + "/user/4242/fusebay");
  CHECK_EQ(candidates[1], p.place.tmp + "/fusebay-4242");
}

TEST(ExportsOfOneProcessAreRegisteredApart) {
  const Place p;
  ExportRecord record = Example();
  record.export_id = "e1";
  const auto first = ExportRegistration::Create(record, p.place);
  CHECK_OK(first);
  {
    record.export_id = "e2";
    const auto second = ExportRegistration::Create(record, p.place);
    CHECK_EQ(ReadRecords(p.place, {}).size(), 2u);
  }
  CHECK_EQ(ReadRecords(p.place, {}).size(), 1u);
  CHECK_EQ(ReadRecords(p.place, {})[0].export_id, "e1");
}

TEST(KnownDeviceIsKept) {
  const Place p;
  ExportRecord record = Example();
  record.mounts = {{"/srv/m", 1, 2}};
  const auto registration = ExportRegistration::Create(record, p.place);
  CHECK_OK(registration);
  CHECK_EQ(ReadRecords(p.place, {})[0].mounts[0].device_minor, 2u);
}
