// Tests of finding an export by a path.
#include "export_mounts.h"

#include <unistd.h>

#include "tools_fixture.h"

using namespace fusebay;
using fusebay::test::Entry;
using fusebay::test::Root;
using fusebay::test::TempFolder;

TEST(FoundThroughFolderLinks) {
  const TempFolder folder;
  folder.Folder("real");
  CHECK_EQ(::symlink("real", (folder / "link").c_str()), 0);
  const std::vector<fuse::MountEntry> table = {Root(), Entry(7, folder / "real/m", 40)};
  const auto found = FindExportMount(table, folder / "link/m");
  CHECK_OK(found);
  CHECK_EQ(found->id, 7);
}

TEST(FoundThroughALinkToTheFile) {
  const TempFolder folder;
  CHECK_EQ(::symlink("m", (folder / "one").c_str()), 0);
  CHECK_EQ(::symlink((folder / "one").c_str(), (folder / "two").c_str()), 0);
  const std::vector<fuse::MountEntry> table = {Root(), Entry(7, folder / "m", 40)};
  CHECK_OK(FindExportMount(table, folder / "two"));
}

TEST(TheTopMountIsFound) {
  const TempFolder folder;
  fuse::MountEntry upper = Entry(8, folder / "m", 41);
  upper.parent = 7;
  const std::vector<fuse::MountEntry> table = {Root(), Entry(7, folder / "m", 40), upper};
  CHECK_EQ(FindExportMount(table, folder / "m")->id, 8);
}

TEST(OtherMountsAreNotOurs) {
  const TempFolder folder;
  const std::vector<fuse::MountEntry> table = {Root(), Entry(7, folder / "m", 40, "fuse.sshfs")};
  CHECK_MESSAGE(FindExportMount(table, folder / "m"), "/m' is not mounted by fusebay");
  CHECK_MESSAGE(FindExportMount(table, folder / "n"), "/n' is not mounted by fusebay");
  CHECK_MESSAGE(FindExportMount(table, folder.path()), "is not mounted by fusebay");
}

TEST(LinksInACircleEnd) {
  const TempFolder folder;
  CHECK_EQ(::symlink("b", (folder / "a").c_str()), 0);
  CHECK_EQ(::symlink("a", (folder / "b").c_str()), 0);
  CHECK_MESSAGE(FindExportMount({Root()}, folder / "a"), "is not mounted by fusebay");
}
