// Running programs.
#include "fuse/transport/child_process.h"

#include <fcntl.h>

#include "check.h"

namespace fusebay::fuse::test {
namespace {

Result<Unit, Error> RunShell(const std::string& script, const std::string& environment = "",
                             int inherited_fd = -1) {
  ChildProcess::Command command;
  command.argv = {"sh", "-c", script};
  command.environment = environment;
  command.inherited_fd = inherited_fd;
  FB_ASSIGN(ChildProcess child, ChildProcess::Start(command));
  return child.Wait();
}

TEST(SuccessIsSilent) { CHECK_OK(RunShell("echo noise >&2")); }

TEST(FailureSaysWhatTheProgramSaid) {
  CHECK_MESSAGE(RunShell("echo cause >&2; exit 5"), "sh exited with status 5: cause");
}

TEST(LongComplaintIsCut) {
  const auto ran = RunShell("head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1");
  CHECK(!ran.ok());
  CHECK(ran.error().message.size() < 2000);
}

TEST(MissingProgramIsNamed) {
  ChildProcess::Command command;
  command.argv = {"/nowhere/program"};
  CHECK_MESSAGE(ChildProcess::Start(command), "/nowhere/program: No such file");
}

TEST(EnvironmentIsExtended) {
  CHECK_OK(RunShell("test \"$FUSEBAY_X\" = y && test -n \"$PATH\"", "FUSEBAY_X=y"));
}

TEST(OnlyTheGivenDescriptorIsInherited) {
  const UniqueFd given(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const UniqueFd other(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const std::string script = "test -e /proc/self/fd/" + std::to_string(given.get()) +
                             " && ! test -e /proc/self/fd/" + std::to_string(other.get());
  CHECK_OK(RunShell(script, "", given.get()));
}

TEST(KilledProgramSaysSo) {
  ChildProcess::Command command;
  command.argv = {"sleep", "100"};
  auto child = ChildProcess::Start(command);
  CHECK_OK(child);
  CHECK(child->running());
  child->Kill();
  CHECK_MESSAGE(child->Wait(), "killed by signal 9");
  CHECK(!child->running());
}

}  // namespace
}  // namespace fusebay::fuse::test
