// Tests of path look-ups that stop short of the last name.
#include "paths.h"

#include <unistd.h>

#include "tools_fixture.h"

using namespace fusebay;
using fusebay::test::TempFolder;

namespace {

std::string Place(const std::string& path) {
  const auto place = MountTablePath(path);
  CHECK_OK(place);
  return *place;
}

}  // namespace

TEST(LastNameNeedNotExist) {
  const TempFolder folder;
  CHECK_EQ(Place(folder / "gone"), folder / "gone");
}

TEST(FolderLinksAreResolved) {
  const TempFolder folder;
  folder.Folder("real");
  CHECK_EQ(::symlink("real", (folder / "link").c_str()), 0);
  CHECK_EQ(Place(folder / "link/m"), folder / "real/m");
  CHECK_EQ(Place(folder / "link/../link//m/"), folder / "real/m");
}

TEST(LastNameIsKeptEvenIfItIsALink) {
  const TempFolder folder;
  CHECK_EQ(::symlink("target", (folder / "m").c_str()), 0);
  CHECK_EQ(Place(folder / "m"), folder / "m");
  CHECK_EQ(LinkTarget(folder / "m"), folder / "target");
}

TEST(RelativePathsBeginInTheCurrentFolder) {
  const std::string here = std::filesystem::current_path().string();
  CHECK_EQ(Place("m"), here + "/m");
  CHECK_EQ(Place("./m"), here + "/m");
}

TEST(FilesInTheRootFolderHaveOneSlash) { CHECK_EQ(Place("/m"), "/m"); }
TEST(MissingFolderIsNamed) {
  CHECK_MESSAGE(MountTablePath("/no/such/m"), "'/no/such/m': No such file or directory");
}

TEST(WhatIsNoLinkHasNoTarget) {
  const TempFolder folder;
  CHECK_EQ(LinkTarget(folder.File("plain")), "");
  CHECK_EQ(LinkTarget(folder / "missing"), "");
}

TEST(ControlCharactersArePrintable) {
  CHECK_EQ(PrintablePath("a b\nc\x7f"), "a b\\x0ac\\x7f");
  CHECK_EQ(PrintablePath("gr\xc3\xbcn"), "gr\xc3\xbcn");
}
