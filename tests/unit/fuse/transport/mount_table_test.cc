// The parser of the mount table, and which mount is on top.
#include "fuse/mount_table.h"

#include "check.h"

namespace fusebay::fuse::test {
namespace {

std::vector<MountEntry> Parse(std::string_view text) {
  auto table = ParseMountTable(text);
  CHECK_OK(table);
  return *table;
}

TEST(LineIsTakenApart) {
  const auto table = Parse(
      "36 35 98:7 /mnt1 /mnt2 rw,noatime master:1 shared:3 - ext3 /dev/root rw,errors=continue\n");
  CHECK_EQ(table.size(), 1u);
  const MountEntry& e = table[0];
  CHECK_EQ(e.id, 36);
  CHECK_EQ(e.parent, 35);
  CHECK_EQ(e.device_major, 98u);
  CHECK_EQ(e.device_minor, 7u);
  CHECK_EQ(e.root, "/mnt1");
  CHECK_EQ(e.mountpoint, "/mnt2");
  CHECK_EQ(e.options, "rw,noatime");
  CHECK_EQ(e.type, "ext3");
  CHECK_EQ(e.source, "/dev/root");
  CHECK_EQ(e.super_options, "rw,errors=continue");
}

TEST(NamesAreUnescaped) {
  const auto table =
      Parse("1 0 0:1 / /a\\040b\\011c\\012d\\134e,f:g\\043 ro - fuse.fusebay /i\\054j\\0 rw\n");
  CHECK_EQ(table[0].mountpoint, "/a b\tc\nd\\e,f:g#");
  CHECK_EQ(table[0].source, "/i,j\\0");
}

TEST(EmptySourceIsAllowed) {
  const auto table = Parse("1 0 0:1 / / rw - tmpfs  rw\n");
  CHECK_EQ(table[0].source, "");
  CHECK_EQ(table[0].super_options, "rw");
}

TEST(NonsenseIsAnError) {
  for (const char* const bad : {"nonsense", "1 2 3 / / rw - a b c", "1 2 0:1 / / rw a b c",
                                "x 2 0:1 / / rw - a b c", "1 2 0:1 / / rw -"}) {
    CHECK_MESSAGE(ParseMountTable(bad), "cannot understand");
  }
}

TEST(OwnTableCanBeRead) {
  const auto table = ReadMountTable();
  CHECK_OK(table);
  CHECK(FindTopMount(*table, "/proc") != nullptr);
  CHECK(FindTopMount(*table, "/proc/self") == nullptr);
}

TEST(MountAtAPathIsFoundWithoutTheTable) {
  const auto table = ReadMountTable();
  CHECK_OK(table);
  const auto mount = MountAt("/proc");
  CHECK_OK(mount);
  CHECK(mount->has_value());
  CHECK((*mount)->IsSameMount(*FindTopMount(*table, "/proc")));
  CHECK(IsOnTop(**mount));
  const auto nothing = MountAt("/proc/self/status");
  CHECK_OK(nothing);
  CHECK(!nothing->has_value());
  CHECK_ERRNO(MountAt("/nowhere/x"), ENOENT);
}

TEST(AnotherMountInThePlaceIsNotOnTop) {
  MountIdentity mount = **MountAt("/proc");
  mount.id += 1;
  CHECK(!IsOnTop(mount));
}

TEST(MissingTableIsNamed) { CHECK_MESSAGE(ReadMountTable("/nowhere/x"), "/nowhere/x"); }

constexpr std::string_view kStack =
    "10 1 0:1 / / rw - ext4 root rw\n"
    "11 10 0:2 / /a/f rw - fuse.fusebay one rw\n"
    "12 11 0:3 / /a/f rw - fuse.fusebay two rw\n"
    "13 10 0:4 / /ab rw - tmpfs t rw\n";

TEST(TopOfAStackIsTheLastMounted) {
  const auto table = Parse(kStack);
  const MountEntry* const top = FindTopMount(table, "/a/f");
  CHECK(top != nullptr);
  CHECK_EQ(top->source, "two");
}

TEST(OrderOfTheTableDoesNotMatter) {
  auto table = Parse(kStack);
  std::swap(table[1], table[2]);
  CHECK_EQ(FindTopMount(table, "/a/f")->source, "two");
}

TEST(PathsBelowAndBesideAreNoMounts) {
  const auto table = Parse(kStack);
  CHECK(FindTopMount(table, "/a") == nullptr);
  CHECK(FindTopMount(table, "/a/f/g") == nullptr);
  CHECK(FindTopMount(table, "/a/ff") == nullptr);
  CHECK_EQ(FindTopMount(table, "/ab")->type, "tmpfs");
  CHECK_EQ(FindTopMount(table, "/")->type, "ext4");
}

TEST(MountOverAParentFolderHides) {
  const auto table = Parse(
      "10 1 0:1 / / rw - ext4 root rw\n"
      "11 10 0:2 / /a/f rw - fuse.fusebay one rw\n"
      "12 10 0:3 / /a rw - tmpfs over rw\n");
  CHECK(FindTopMount(table, "/a/f") == nullptr);
  CHECK_EQ(FindMountsOfType(table).size(), 1u);
}

TEST(TableWithoutRootIsSearchedPlainly) {
  const auto table = Parse("11 10 0:2 / /a/f rw - fuse.fusebay one rw\n");
  CHECK_EQ(FindTopMount(table, "/a/f")->source, "one");
}

TEST(OptionsAreFoundByName) {
  CHECK(HasMountOption("ro,nosuid,user_id=0", "ro"));
  CHECK(HasMountOption("ro,nosuid,user_id=0", "user_id"));
  CHECK(!HasMountOption("ro,nosuid,user_id=0", "user"));
  CHECK(!HasMountOption("", "ro"));
}

}  // namespace
}  // namespace fusebay::fuse::test
