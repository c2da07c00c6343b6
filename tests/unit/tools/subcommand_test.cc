// Tests of how subcommands write to the user.
#include "subcommand.h"

#include <fcntl.h>
#include <unistd.h>

#include "tools_fixture.h"

using namespace fusebay;
using fusebay::test::TempFolder;

namespace {

// What `write` writes to the descriptor `fd`.
template <class Function>
std::string Written(int fd, Function write) {
  const TempFolder folder;
  const std::string path = folder.File("out");
  const int kept = ::dup(fd);
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  CHECK(kept >= 0 && file >= 0);
  ::dup2(file, fd);
  write();
  ::dup2(kept, fd);
  ::close(kept);
  std::string text(4096, '\0');
  const ssize_t length = ::pread(file, text.data(), text.size(), 0);
  ::close(file);
  CHECK(length >= 0);
  text.resize(static_cast<std::size_t>(length));
  return text;
}

}  // namespace

TEST(ErrorsNameTheCommand) {
  CHECK_EQ(Written(STDERR_FILENO, [] { PrintError("mount", "disk.img: gone"); }),
           "fusebay mount: disk.img: gone\n");
}

TEST(UsageErrorsHaveAHint) {
  int code = 0;
  const auto text = Written(STDERR_FILENO, [&code] { code = PrintUsageError("list", "what?"); });
  CHECK_EQ(code, kExitUsage);
  CHECK_EQ(text, "fusebay list: what?\nTry 'fusebay list --help' for more information.\n");
}

TEST(OutputGoesToStdout) {
  int code = -1;
  CHECK_EQ(Written(STDOUT_FILENO, [&code] { code = PrintOutput("list", "hello\n"); }), "hello\n");
  CHECK_EQ(code, kExitOk);
}
