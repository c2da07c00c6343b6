// Tests of the calling convention of mount(8).
#include "mount_helper.h"

#include "check.h"

using namespace fusebay;

namespace {

HelperRequest Call(const std::vector<std::string>& words) {
  auto request = ParseMountHelperCall(words);
  CHECK_OK(request);
  return std::move(*request);
}

bool IsCall(std::string_view program, const std::vector<std::string>& words) {
  return IsMountHelperCall(program, words);
}

}  // namespace

TEST(KnownByItsNameOrItsSource) {
  CHECK(IsCall("/sbin/mount.fuse.fusebay", {}));
  CHECK(IsCall("mount.fuse.fusebay", {"a", "b"}));
  CHECK(IsCall("fusebay", {"/srv/disk.img", "/srv/m", "-o", "rw"}));
  CHECK(!IsCall("/usr/bin/fusebay", {"mount", "a", "b"}));
  CHECK(!IsCall("fusebay", {}));
}

TEST(MountCallsItLikeThis) {
  const HelperRequest r =
      Call({"/d.qcow2", "/m", "-o", "rw,writable,user,nofail,_netdev", "-t", "fuse.fusebay"});
  CHECK_EQ(r.mount.image.filename, "/d.qcow2");
  CHECK(r.mount.mountpoints == std::vector<std::string>{"/m"});
  CHECK(r.mount.image.writable);
  CHECK(!r.fake && !r.mount.verbose && !r.mount.foreground);
}

TEST(FlagsAreUnderstood) {
  const HelperRequest r = Call({"d", "m", "-s", "-f", "-n", "-v", "-o", "ro,bogus"});
  CHECK(r.fake && r.mount.verbose);
  CHECK_EQ(Call({"d", "m", "-N", "/proc/7/ns/mnt"}).mount_namespace, "/proc/7/ns/mnt");
}

TEST(SloppyMayStandBehindTheList) { Call({"d", "m", "-o", "bogus", "-s"}); }

TEST(WrongCallsAreRefused) {
  CHECK_MESSAGE(ParseMountHelperCall(std::vector<std::string>{"d"}), "IMAGE and MOUNTPOINT");
  CHECK_MESSAGE(ParseMountHelperCall(std::vector<std::string>{"d", "m", "x"}), "expected IMAGE");
  CHECK_MESSAGE(ParseMountHelperCall(std::vector<std::string>{"d", "m", "-o", "bogus"}),
                "unknown option 'bogus'");
  CHECK_MESSAGE(ParseMountHelperCall(std::vector<std::string>{"d", "m", "-o", "ro,writable"}),
                "exclude each other");
}

TEST(HelpNeedsNoOperands) {
  CHECK(Call({"--help"}).show_help);
  CHECK(Call({"--version"}).show_version);
}
