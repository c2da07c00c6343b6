// Tests of the pid file.
#include "pid_file.h"

#include <unistd.h>

#include <fstream>

#include "tools_fixture.h"

using namespace fusebay;
using fusebay::test::TempFolder;

namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST(FileHoldsTheProcessId) {
  const TempFolder folder;
  const auto file = PidFile::Create(folder / "p");
  CHECK_OK(file);
  CHECK_EQ(ReadAll(folder / "p"), std::to_string(::getpid()) + "\n");
}

TEST(EndOfThePidFileRemovesIt) {
  const TempFolder folder;
  {
    CHECK_OK(PidFile::Create(folder / "p"));
  }
  CHECK(!std::filesystem::exists(folder / "p"));
}

TEST(FileInUseIsRefused) {
  const TempFolder folder;
  const auto first = PidFile::Create(folder / "p");
  CHECK_MESSAGE(PidFile::Create(folder / "p"), "Cannot lock pid file: ");
  CHECK_EQ(ReadAll(folder / "p"), std::to_string(::getpid()) + "\n");
}

TEST(FileOfADeadProcessIsTakenOver) {
  const TempFolder folder;
  std::ofstream(folder / "p") << "123456789012345\n";
  const auto file = PidFile::Create(folder / "p");
  CHECK_OK(file);
  CHECK_EQ(ReadAll(folder / "p"), std::to_string(::getpid()) + "\n");
}

TEST(FileThatIsNoLongerOursStays) {
  const TempFolder folder;
  {
    const auto file = PidFile::Create(folder / "p");
    std::filesystem::remove(folder / "p");
    std::ofstream(folder / "p") << "another's";
  }
  CHECK_EQ(ReadAll(folder / "p"), "another's");
}

TEST(FolderThatIsMissingIsNamed) {
  CHECK_MESSAGE(PidFile::Create("/no/such/p"),
                "Could not create '/no/such/p': No such file or directory");
}
