// Tests of option lists as mount(8) writes them.
#include "check.h"
#include "mount_options.h"

using namespace fusebay;

namespace {

// "name" or "name=value", one after the other, with blanks between.
std::string Split(std::string_view text) {
  std::string words;
  for (const ListedOption& option : SplitOptionList(text)) {
    words += (words.empty() ? "" : " ") + option.name;
    if (option.value.has_value()) {
      words += "=" + *option.value;
    }
  }
  return words;
}

MountSettings Apply(std::string_view text) {
  MountSettings settings;
  CHECK_OK(ApplyOptionList(settings, text, false));
  return settings;
}

Result<Unit, Error> Try(std::string_view text, bool sloppy = false) {
  MountSettings settings;
  return ApplyOptionList(settings, text, sloppy);
}

}  // namespace

TEST(CommasSeparate) { CHECK_EQ(Split("rw,writable,cache=none"), "rw writable cache=none"); }
TEST(EmptyItemsAreSkipped) { CHECK_EQ(Split(",,rw,,"), "rw"); }
TEST(EmptyListHasNoOptions) { CHECK(SplitOptionList("").empty()); }
TEST(OnlyTheFirstEqualsSignCounts) { CHECK(SplitOptionList("a=b=c")[0].value == "b=c"); }
TEST(EmptyValueIsAValue) { CHECK(SplitOptionList("a=")[0].value == ""); }

TEST(BackslashMakesTheNextCharacterOrdinary) {
  const auto options = SplitOptionList("snapshot=a\\,b\\\\c,ro");
  CHECK_EQ(options.size(), 2u);
  CHECK(options[0].value == "a,b\\c");
  CHECK(SplitOptionList("a\\=b")[0].name == "a=b");
  CHECK(SplitOptionList("a\\")[0].name == "a\\");
}

TEST(LongOptionsAreListOptions) {
  const MountSettings s = Apply("writable,growable,cache=none,poll_max_ns=7,no-flush,size=1M");
  CHECK(s.request.image.writable);
  CHECK(s.request.fuse.growable);
  CHECK_EQ(s.request.fuse.cache, ExportCache::kNone);
  CHECK_EQ(s.request.poll_max_ns, 7);
  CHECK(s.request.image.cache.no_flush);
  CHECK(s.request.image.size == std::uint64_t{1} << 20);
}

TEST(AllowOtherIsSpelledAsEveryFuseProgramDoes) {
  CHECK_EQ(Apply("allow_other").request.fuse.allow_other, OnOffAuto::kOn);
  CHECK_EQ(Apply("allow_other=off").request.fuse.allow_other, OnOffAuto::kOff);
  CHECK_EQ(Apply("rw").request.fuse.allow_other, OnOffAuto::kAuto);
}

TEST(RwAloneIsNotWritable) { CHECK(!Apply("rw").request.image.writable); }
TEST(RoIsRemembered) { CHECK(Apply("ro").read_only); }
TEST(SyncIsWritethrough) { CHECK(Apply("sync").request.fuse.writethrough); }

TEST(OptionsOfMountAreAccepted) {
  CHECK_OK(Try("defaults,auto,noauto,user,user=joe,users,owner,group,_netdev,nofail"));
  CHECK_OK(Try("x-systemd.automount,X-mount.mkdir=0755,comment=hi there,exec,noexec,suid,nosuid"));
  CHECK_OK(Try("dev,nodev,atime,noatime,relatime,async,dirsync,lazytime,silent,nosymfollow"));
  CHECK_OK(Try("default_permissions,fsname=x,subtype=fusebay,strictatime,mand,iversion"));
}

TEST(ExecAndDirsyncAreFlagsOfTheMount) {
  using Flags = std::vector<std::string>;
  CHECK(Apply("rw,nosuid").request.fuse.mount_flags.empty());
  CHECK(Apply("noexec,dirsync").request.fuse.mount_flags == Flags({"noexec", "dirsync"}));
  CHECK(Apply("noexec,dirsync,exec").request.fuse.mount_flags == Flags({"dirsync", "exec"}));
}

TEST(MountsOfUsersAreNoexecUnlessTheySayExec) {
  using Flags = std::vector<std::string>;
  CHECK(Apply("user=joe").request.fuse.mount_flags == Flags({"noexec"}));
  CHECK(Apply("users,exec").request.fuse.mount_flags == Flags({"exec"}));
  CHECK(Apply("owner,nouser").request.fuse.mount_flags.empty());
}

TEST(LabelsOfSelinuxAreErrors) {
  CHECK_MESSAGE(Try("context=system_u:object_r:tmp_t:s0"), "unknown option 'context'");
}

TEST(UnknownOptionsAreErrors) {
  CHECK_MESSAGE(Try("rw,bogus=1"), "unknown option 'bogus'");
  CHECK_MESSAGE(Try("help"), "unknown option 'help'");
  CHECK_MESSAGE(Try("options=rw"), "unknown option 'options'");
  CHECK_OK(Try("rw,bogus=1", true));
}

TEST(WrongValuesAreNamed) {
  CHECK_MESSAGE(Try("writable=7"), "option 'writable' takes no value");
  CHECK_MESSAGE(Try("cache"), "option 'cache' needs a value");
  CHECK_MESSAGE(Try("cache=nonsense"), "cache: unknown cache mode 'nonsense'");
  CHECK_MESSAGE(Try("remount,rw"), "cannot be remounted");
  CHECK(!Try("cache=nonsense", true).ok());
}
