// What a signal does to files that are unfinished.
#include "remove_on_interrupt.h"

#include <sys/wait.h>
#include <unistd.h>

#include "new_file_fixture.h"
#include "tools_fixture.h"

using namespace fusebay;
using fusebay::test::Make;
using fusebay::test::TempFolder;

namespace {

// In a child process: makes both files, runs `prepare` and gets the signal. How the child ended.
template <class Prepare>
int EndOf(const TempFolder& folder, int signal, Prepare prepare) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(signal, SIG_DFL);  // whatever the test was started with
    NewFile image = Make(folder / "image");
    const NewFile data = Make(folder / "data");
    prepare(image);
    const RemoveOnInterrupt guard({&image, &data});
    ::raise(signal);
    ::_exit(7);
  }
  int status = 0;
  CHECK_EQ(::waitpid(child, &status, 0), child);
  return status;
}

void Nothing(NewFile&) {}

}  // namespace

TEST(ASignalRemovesNewFilesAndEndsTheProgram) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const TempFolder folder;
    const int status = EndOf(folder, signal, Nothing);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), signal);
    CHECK(!std::filesystem::exists(folder / "image"));
    CHECK(!std::filesystem::exists(folder / "data"));
  }
}

TEST(FilesThatWereThereStay) {
  const TempFolder folder;
  folder.File("image");
  const int status = EndOf(folder, SIGTERM, Nothing);
  CHECK(WIFSIGNALED(status));
  CHECK(std::filesystem::exists(folder / "image"));
  CHECK(!std::filesystem::exists(folder / "data"));
}

TEST(KeptFilesStay) {
  const TempFolder folder;
  EndOf(folder, SIGTERM, [](NewFile& image) { image.Keep(); });
  CHECK(std::filesystem::exists(folder / "image"));
}

TEST(AnIgnoredSignalStaysIgnored) {
  const TempFolder folder;
  const int status =
      EndOf(folder, SIGHUP, [](NewFile&) { static_cast<void>(::signal(SIGHUP, SIG_IGN)); });
  CHECK(WIFEXITED(status));
  CHECK_EQ(WEXITSTATUS(status), 7);
  CHECK(std::filesystem::exists(folder / "image"));
}

TEST(AfterwardsSignalsAreAsBefore) {
  const TempFolder folder;
  struct sigaction before{};
  struct sigaction after{};
  ::sigaction(SIGTERM, nullptr, &before);
  {
    const NewFile file = Make(folder / "image");
    const RemoveOnInterrupt guard({&file});
  }
  ::sigaction(SIGTERM, nullptr, &after);
  CHECK(before.sa_handler == after.sa_handler);
}
