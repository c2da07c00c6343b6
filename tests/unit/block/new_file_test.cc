// Files for new images, and what becomes of them.
#include "block/new_file.h"

#include <filesystem>

#include "block_fixture.h"
#include "new_file_fixture.h"

using namespace fusebay;
using fusebay::test::Make;
using fusebay::test::TemporaryFolder;

TEST(AFileThatIsNotKeptGoesAway) {
  TemporaryFolder folder;
  {
    const NewFile file = Make(folder.Name("x"));
    CHECK(std::filesystem::exists(folder.Name("x")));
  }
  CHECK(!std::filesystem::exists(folder.Name("x")));
}

TEST(AKeptFileStays) {
  TemporaryFolder folder;
  Make(folder.Name("x")).Keep();
  CHECK(std::filesystem::exists(folder.Name("x")));
}

TEST(AnOldFileStays) {
  TemporaryFolder folder;
  folder.File("x", std::string_view());
  static_cast<void>(Make(folder.Name("x")));
  CHECK(std::filesystem::exists(folder.Name("x")));
}

TEST(AFilePutInItsPlaceStays) {
  TemporaryFolder folder;
  {
    const NewFile file = Make(folder.Name("x"));
    std::filesystem::rename(folder.File("other", std::string_view()), folder.Name("x"));
  }
  CHECK(std::filesystem::exists(folder.Name("x")));
}

TEST(TwoNamesOfOneFileAreTheSame) {
  TemporaryFolder folder;
  const NewFile file = Make(folder.Name("x"));
  std::filesystem::create_symlink(folder.Name("x"), folder.Name("link"));
  CHECK(Make(folder.Name("link")).IsSameAs(file));
  CHECK(!Make(folder.Name("y")).IsSameAs(file));
}

TEST(AFileThatCannotBeMadeIsNamed) {
  TemporaryFolder folder;
  CHECK_MESSAGE(NewFile::Make(folder.Name("no/x"), {}),
                "Could not create '" + (folder.Name("no/x")));
}
