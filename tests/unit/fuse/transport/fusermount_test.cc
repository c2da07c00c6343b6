// The protocol of fusermount3, with stand-ins for it.
#include "fuse/transport/fusermount.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <fstream>

#include "mount_fixture.h"
#include "temporary.h"

namespace fusebay::fuse::test {
namespace {

TEST(OnlyCommaAndBackslashAreEscaped) {
  CHECK_EQ(EscapeOption("a b=c"), "a b=c");
  CHECK_EQ(EscapeOption("a,dev\\"), "a\\,dev\\\\");
}

// A program that stands in for fusermount3.
class Script {
 public:
  explicit Script(const std::string& body) {
    const int fd = ::mkstemp(path_.data());
    CHECK(fd >= 0);
    ::close(fd);
    std::ofstream(path_) << "#!/bin/sh\n" << body << "\n";
    ::chmod(path_.c_str(), 0755);
    program.name = path_;
  }
  ~Script() {
    ::unlink(path_.c_str());
    ::unlink((path_ + ".out").c_str());
  }
  std::string Output() const {
    std::ifstream file(path_ + ".out");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  FusermountProgram program;

 private:
  std::string path_ = fusebay::test::TemporaryPattern("script");
};

TEST(ArgumentsAndSocketArePassed) {
  const Script script("echo \"$@ fd=$_FUSE_COMMFD\" > $0.out; test -S /proc/self/fd/$_FUSE_COMMFD");
  const auto session = MountWithFusermount(script.program, "ro,fsname=a", "/m", false);
  CHECK_MESSAGE(session, "did not send a file descriptor (it sent 0 bytes)");
  CHECK(script.Output().starts_with("-o ro,fsname=a -- /m fd="));
}

TEST(ComplaintAndStatusAreTold) {
  const Script script("echo 'not today' >&2; exit 3");
  CHECK_MESSAGE(MountWithFusermount(script.program, "ro", "/m", false),
                "exited with status 3: not today");
}

TEST(SignalIsTold) {
  const Script script("kill -9 $$");
  CHECK_MESSAGE(MountWithFusermount(script.program, "ro", "/m", false), "killed by signal 9");
}

TEST(UnmountIsQuiet) {
  const Script script("echo \"$@\" > $0.out");
  CHECK_OK(UnmountWithFusermount(script.program, "/m", true));
  CHECK_EQ(script.Output(), "-u -q -z -- /m\n");
  CHECK_OK(UnmountWithFusermount(script.program, "/m", false));
  CHECK_EQ(script.Output(), "-u -q -- /m\n");
}

}  // namespace
}  // namespace fusebay::fuse::test
