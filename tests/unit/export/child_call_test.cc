// Calls made in a child process: their errors and their time limit.
#include "export/child_call.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "base/fd.h"
#include "check.h"

namespace fusebay::test {

namespace {

constexpr std::chrono::seconds kLong{20};

int ReturnIt(const void* argument) { return *static_cast<const int*>(argument); }

int Hang(const void*) {
  for (;;) {
    ::pause();
  }
}

// Whether the descriptor is open in the child.
int LookFor(const void* fd) {
  return ::fcntl(*static_cast<const int*>(fd), F_GETFD) >= 0 ? 0 : errno;
}

int Abort(const void*) { ::abort(); }

Result<> Call(int (*body)(const void*), int argument) {
  return CallInChild(body, &argument, kLong);
}

}  // namespace

TEST(ACallThatSucceedsIsAValue) { CHECK_OK(Call(&ReturnIt, 0)); }

TEST(ACallThatFailsIsItsErrno) { CHECK_ERRNO(Call(&ReturnIt, ENOTCONN), ENOTCONN); }

TEST(ACallThatCrashesIsAnError) { CHECK_ERRNO(Call(&Abort, 0), EIO); }

TEST(ACallThatHangsEndsInTime) {
  const auto begin = std::chrono::steady_clock::now();
  CHECK_ERRNO(CallInChild(&Hang, nullptr, std::chrono::milliseconds(50)), ETIMEDOUT);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
}

TEST(OurDescriptorsAreNotTheChilds) {
  const UniqueFd file(::open("/dev/null", O_RDONLY));
  CHECK_ERRNO(Call(&LookFor, file.get()), EBADF);
}

}  // namespace fusebay::test
