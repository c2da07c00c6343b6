// Files for new images, and what becomes of them.
#include "new_file.h"

#include "new_file_fixture.h"

using namespace fusebay;
using fusebay::test::Make;
using fusebay::test::TempFolder;

TEST(AFileThatIsNotKeptGoesAway) {
  const TempFolder folder;
  {
    const NewFile file = Make(folder / "x");
    CHECK(std::filesystem::exists(folder / "x"));
  }
  CHECK(!std::filesystem::exists(folder / "x"));
}

TEST(AKeptFileStays) {
  const TempFolder folder;
  Make(folder / "x").Keep();
  CHECK(std::filesystem::exists(folder / "x"));
}

TEST(AnOldFileStays) {
  const TempFolder folder;
  folder.File("x");
  static_cast<void>(Make(folder / "x"));
  CHECK(std::filesystem::exists(folder / "x"));
}

TEST(AFilePutInItsPlaceStays) {
  const TempFolder folder;
  {
    const NewFile file = Make(folder / "x");
    std::filesystem::rename(folder.File("other"), folder / "x");
  }
  CHECK(std::filesystem::exists(folder / "x"));
}

TEST(TwoNamesOfOneFileAreTheSame) {
  const TempFolder folder;
  const NewFile file = Make(folder / "x");
  std::filesystem::create_symlink(folder / "x", folder / "link");
  CHECK(Make(folder / "link").IsSameAs(file));
  CHECK(!Make(folder / "y").IsSameAs(file));
}

TEST(AFileThatCannotBeMadeIsNamed) {
  const TempFolder folder;
  CHECK_MESSAGE(NewFile::Make(folder / "no/x", {}), "Could not create '" + (folder / "no/x"));
}
