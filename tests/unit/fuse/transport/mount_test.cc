// Mounting and unmounting sessions that nobody serves.
#include "fuse/transport/mount.h"

#include <poll.h>
#include <sched.h>
#include <sys/wait.h>

#include <fstream>

#include "mount_fixture.h"
#include "temporary.h"

namespace fusebay::fuse::test {
namespace {

MountOptions OptionsFor(const std::string& mountpoint) {
  MountOptions options;
  options.mountpoint = mountpoint;
  options.fsname = "/images/disk.qcow2";
  return options;
}

TEST(OptionValuesCannotInjectOptions) {
  MountOptions options = OptionsFor("/m");
  options.fsname = "a,dev\\";
  const auto text = MountOptionString(options, false);
  CHECK_OK(text);
  CHECK(text->starts_with("fsname=a\\,dev\\\\,subtype=fusebay,"));
}

TEST(MountsAreAlwaysSafe) {
  const auto text = MountOptionString(OptionsFor("/m"), true);
  CHECK_OK(text);
  for (const char* const option :
       {"rw", "nosuid", "nodev", "noatime", "default_permissions", "allow_other", "max_read"}) {
    CHECK(HasMountOption(*text, option));
  }
}

TEST(UnknownFlagsAreRefused) {
  MountOptions options = OptionsFor("/m");
  options.flags = {"suid"};
  CHECK_MESSAGE(MountOptionString(options, false), "unknown mount flag 'suid'");
}

TEST(AllowOtherIsForRootAndWhereConfigured) {
  std::string path = fusebay::test::TemporaryPattern("conf");
  const UniqueFd fd(::mkstemp(path.data()));
  std::ofstream(path) << "#user_allow_other\nmount_max = 5\n";
  CHECK(AllowOtherPermitted(true, "/nowhere"));
  CHECK(!AllowOtherPermitted(false, "/nowhere"));
  CHECK(!AllowOtherPermitted(false, path));
  std::ofstream(path) << "mount_max = 5\n  user_allow_other  # yes\n";
  CHECK(AllowOtherPermitted(false, path));
  ::unlink(path.c_str());
}

TEST(MissingMountpointIsNamed) {
  FuseMount mount(OptionsFor("/nowhere/image"));
  CHECK_MESSAGE(mount.Mount(),
                "Failed to mount FUSE session to export: '/nowhere/image': No such file");
}

TEST(FileCanBeMountedOn) {
  RequireMounts();
  const TemporaryMountpoints place;
  FuseMount mount(OptionsFor(place.file));
  CHECK_OK(mount.Mount());
  const MountEntry top = TopMount(place.file);
  CHECK_EQ(top.type, std::string(kMountType));
  CHECK_EQ(top.source, "/images/disk.qcow2");
  CHECK(HasMountOption(top.options, "noatime"));
  CHECK((::fcntl(mount.fd(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK((::fcntl(mount.fd(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK_OK(mount.Unmount(false));
  CHECK_EQ(TopMount(place.file).type, "");
}

TEST(FolderCanBeMountedOnReadOnly) {
  RequireMounts();
  const TemporaryMountpoints place;
  MountOptions options = OptionsFor(place.folder);
  options.read_only = true;
  options.flags = {"noexec", "sync"};
  FuseMount mount(options);
  CHECK_OK(mount.Mount());
  const MountEntry top = TopMount(place.folder);
  for (const char* const option : {"ro", "nosuid", "nodev", "noexec"}) {
    CHECK(HasMountOption(top.options, option));
  }
  CHECK(HasMountOption(top.super_options, "default_permissions"));
  CHECK(HasMountOption(top.super_options, "allow_other"));
}

TEST(AllowOtherCanBeOff) {
  RequireMounts();
  const TemporaryMountpoints place;
  MountOptions options = OptionsFor(place.file);
  options.allow_other = AllowOther::kOff;
  FuseMount mount(options);
  CHECK_OK(mount.Mount());
  CHECK(!mount.allow_other());
  CHECK(!HasMountOption(TopMount(place.file).super_options, "allow_other"));
}

TEST(StrangeNamesSurvive) {
  RequireMounts();
  const std::string strange = "a b,c:d\ne\\f\tg#";
  const TemporaryMountpoints place(strange);
  MountOptions options = OptionsFor(place.file);
  options.fsname = strange + ",dev,suid";
  FuseMount mount(options);
  CHECK_OK(mount.Mount());
  const MountEntry top = TopMount(place.file);
  CHECK_EQ(top.source, options.fsname);
  CHECK(HasMountOption(top.options, "nodev"));
  CHECK(HasMountOption(top.options, "nosuid"));
  CHECK_OK(mount.Unmount(false));
  CHECK_EQ(TopMount(place.file).type, "");
}

TEST(MountpointBehindASymlinkIsFound) {
  RequireMounts();
  const TemporaryMountpoints place;
  const std::string link = place.folder + "/link";
  CHECK_EQ(::symlink(place.file.c_str(), link.c_str()), 0);
  FuseMount mount(OptionsFor(link));
  CHECK_OK(mount.Mount());
  CHECK_EQ(mount.mountpoint(), place.file);
  CHECK_EQ(TopMount(place.file).type, std::string(kMountType));
  CHECK_OK(mount.Unmount(false));
  ::unlink(link.c_str());
}

TEST(RemountAndSecondUnmountWork) {
  RequireMounts();
  const TemporaryMountpoints place;
  FuseMount mount(OptionsFor(place.file));
  for (int i = 0; i < 2; ++i) {
    CHECK_OK(mount.Mount());
    CHECK_OK(mount.Unmount(false));
    CHECK_OK(mount.Unmount(false));
    CHECK(!mount.mounted());
  }
}

TEST(UnmountByTheUserIsNoticed) {
  RequireMounts();
  const TemporaryMountpoints place;
  CHECK_EQ(::mount("/proc/self/status", place.file.c_str(), nullptr, MS_BIND, nullptr), 0);
  FuseMount mount(OptionsFor(place.file));
  CHECK_OK(mount.Mount());
  CHECK_EQ(::umount2(place.file.c_str(), 0), 0);
  CHECK_OK(mount.Unmount(false));
  CHECK_EQ(TopMount(place.file).type, "proc");  // what is there now is not touched
}

TEST(AMountThatTheUserHasDetachedIsNamedSo) {
  RequireMounts();
  const TemporaryMountpoints place;
  FuseMount mount(OptionsFor(place.folder));
  CHECK_OK(mount.Mount());
  const UniqueFd in_use(::open(place.folder.c_str(), O_PATH | O_CLOEXEC));
  CHECK_EQ(::umount2(place.folder.c_str(), MNT_DETACH), 0);
  CHECK_MESSAGE(mount.Unmount(false), "had been unmounted already");
}

TEST(SomebodyElsesMountOnTopStays) {
  RequireMounts();
  const TemporaryMountpoints place;
  FuseMount mount(OptionsFor(place.folder));
  CHECK_OK(mount.Mount());
  // The mountpoint itself must not be looked at, for nobody serves it.
  CHECK_EQ(::mount("tmpfs", place.folder.c_str(), "tmpfs", 0, nullptr), 0);
  CHECK_MESSAGE(mount.Unmount(false), "mounted over the export");
  CHECK_EQ(TopMount(place.folder).type, "tmpfs");
}

TEST(DestructorUnmounts) {
  RequireMounts();
  const TemporaryMountpoints place;
  {
    FuseMount mount(OptionsFor(place.file));
    CHECK_OK(mount.Mount());
  }
  CHECK_EQ(TopMount(place.file).type, "");
}

// Not to be had below another root. fusermount3 needs them, too, where it unmounts by itself.
void RequireNamespaces() {
  RequireMounts();
  const pid_t child = ::fork();
  CHECK(child >= 0);
  if (child == 0) {
    const bool good = ::unshare(CLONE_NEWNS) == 0 &&
                      ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0;
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  CHECK_EQ(::waitpid(child, &status, 0), child);
  if (status != 0) {
    fusebay::test::Skip("needs mount namespaces");
  }
}

TEST(AutoUnmountEndsWithUnmount) {
  RequireNamespaces();
  const TemporaryMountpoints place;
  MountOptions options = OptionsFor(place.file);
  options.auto_unmount = true;
  FuseMount mount(options);
  CHECK_OK(mount.Mount());
  CHECK_EQ(TopMount(place.file).type, std::string(kMountType));
  CHECK_OK(mount.Unmount(false));
  CHECK_EQ(TopMount(place.file).type, "");
}

TEST(AutoUnmountOutlivesItsProcess) {
  RequireNamespaces();
  const TemporaryMountpoints place;
  const pid_t child = ::fork();
  CHECK(child >= 0);
  if (child == 0) {
    MountOptions options = OptionsFor(place.file);
    options.auto_unmount = true;
    FuseMount mount(options);
    ::_exit(mount.Mount().ok() ? 0 : 1);  // as if killed
  }
  int status = 0;
  CHECK_EQ(::waitpid(child, &status, 0), child);
  CHECK_EQ(status, 0);
  for (int i = 0; i < 2000 && !TopMount(place.file).type.empty(); ++i) {
    ::usleep(10'000);
  }
  CHECK_EQ(TopMount(place.file).type, "");
}

TEST(AutoUnmountLeavesSomebodyElsesMount) {
  RequireMounts();
  const TemporaryMountpoints place;
  MountOptions options = OptionsFor(place.file);
  options.auto_unmount = true;
  FuseMount mount(options);
  CHECK_OK(mount.Mount());
  CHECK_EQ(::umount2(place.file.c_str(), 0), 0);
  FuseMount other(OptionsFor(place.file));
  CHECK_OK(other.Mount());
  CHECK_OK(mount.Unmount(false));
  ::usleep(100'000);
  CHECK(TopMount(place.file).IsSameMount(*other.entry()));
}

TEST(OtherFusermountIsUsed) {
  RequireMounts();
  const TemporaryMountpoints place;
  MountOptions options = OptionsFor(place.file);
  options.fusermount = "/nowhere/fusermount3";
  FuseMount missing(options);
  CHECK_MESSAGE(missing.Mount(), "/nowhere/fusermount3: No such file");
  options.fusermount = "/bin/false";
  FuseMount silent(options);
  CHECK_MESSAGE(silent.Mount(), "/bin/false exited with status 1");
}

TEST(SessionOfAnotherProcessIsTakenOver) {
  RequireMounts();
  const TemporaryMountpoints place;
  FuseMount theirs(OptionsFor(place.file));
  CHECK_OK(theirs.Mount());
  const int passed = ::dup(theirs.fd());
  FuseMount mount(OptionsFor("/dev/fd/" + std::to_string(passed)));
  CHECK_OK(mount.Mount());
  CHECK_EQ(mount.fd(), passed);
  CHECK_OK(mount.Unmount(false));
  CHECK_EQ(TopMount(place.file).type, std::string(kMountType));
  FuseMount closed(OptionsFor("/dev/fd/" + std::to_string(passed)));
  CHECK_MESSAGE(closed.Mount(), "Bad file descriptor");
}

// A process in a mount namespace of its own.
class OtherNamespace {
 public:
  OtherNamespace() {
    int ready[2];
    CHECK_EQ(::pipe(ready), 0);
    pid_ = ::fork();
    CHECK(pid_ >= 0);
    if (pid_ == 0) {
      const bool good = ::unshare(CLONE_NEWNS) == 0 &&
                        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
      const ssize_t n = ::write(ready[1], good ? "y" : "n", 1);
      static_cast<void>(n);
      ::pause();
      ::_exit(0);
    }
    char answer = 'n';
    CHECK_EQ(::read(ready[0], &answer, 1), 1);
    CHECK_EQ(answer, 'y');
    ::close(ready[0]);
    ::close(ready[1]);
  }
  ~OtherNamespace() { End(); }
  void End() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
      pid_ = -1;
    }
  }
  pid_t pid() const { return pid_; }
  std::string TypeAt(const std::string& path) const {
    const auto table = ReadMountTable("/proc/" + std::to_string(pid_) + "/mountinfo");
    CHECK_OK(table);
    const MountEntry* const top = FindTopMount(*table, path);
    return top == nullptr ? "" : top->type;
  }

 private:
  pid_t pid_ = -1;
};

TEST(OtherNamespaceIsMountedAndUnmounted) {
  RequireNamespaces();
  const TemporaryMountpoints place;
  OtherNamespace other;
  MountOptions options = OptionsFor(place.file);
  options.target_mount_namespace = other.pid();
  FuseMount mount(options);
  CHECK_OK(mount.Mount());
  CHECK(mount.entry().has_value());
  CHECK_EQ(other.TypeAt(place.file), std::string(kMountType));
  CHECK_EQ(TopMount(place.file).type, "");
  CHECK_OK(mount.Unmount(false));
  CHECK_EQ(other.TypeAt(place.file), "");
}

TEST(UnmountWorksAfterTheTargetProcessEnded) {
  RequireNamespaces();
  const TemporaryMountpoints place;
  OtherNamespace other;
  MountOptions options = OptionsFor(place.file);
  options.target_mount_namespace = other.pid();
  FuseMount mount(options);
  CHECK_OK(mount.Mount());
  other.End();
  CHECK_OK(mount.Unmount(false));
}

TEST(PathInAnotherNamespaceMustBeAbsolute) {
  MountOptions options = OptionsFor("image");
  options.target_mount_namespace = ::getpid();
  FuseMount mount(options);
  CHECK_MESSAGE(mount.Mount(), "must be absolute");
}

TEST(MissingTargetProcessIsNamed) {
  MountOptions options = OptionsFor("/image");
  options.target_mount_namespace = 1 << 30;
  FuseMount mount(options);
  CHECK_MESSAGE(mount.Mount(), "/proc/1073741824/ns/mnt");
}

}  // namespace
}  // namespace fusebay::fuse::test
