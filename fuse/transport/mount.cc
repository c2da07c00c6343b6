// Mounts and unmounts a FUSE session and knows at any time which mount is its own.
#include "fuse/transport/mount.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>

#include "core/log.h"

namespace fusebay::fuse {

namespace {

constexpr std::string_view kDefaultFusermount = "fusermount3";
constexpr std::array<std::string_view, 5> kFlags = {"exec", "noexec", "sync", "async", "dirsync"};

Error MountError(int code, std::string_view mountpoint, std::string_view cause) {
  return {Errno(code),
          fmt::format("Failed to mount FUSE session to export: '{}': {}", mountpoint, cause)};
}

// N of "/dev/fd/N"; nothing for any other path.
std::optional<int> TakenOverFd(std::string_view mountpoint) {
  constexpr std::string_view kPrefix = "/dev/fd/";
  if (!mountpoint.starts_with(kPrefix)) {
    return std::nullopt;
  }
  const std::string_view digits = mountpoint.substr(kPrefix.size());
  int fd = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), fd);
  if (error != std::errc() || end != digits.data() + digits.size() || fd < 0) {
    return std::nullopt;
  }
  return fd;
}

Result<std::string, Error> CanonicalPath(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         &std::free);
  if (real == nullptr) {
    const int code = errno;
    return MountError(code, path, std::strerror(code));
  }
  return std::string(real.get());
}

// The session is over when its descriptor reports an error and nothing else.
bool IsUnmounted(int fd) {
  pollfd poll_fd{fd, 0, 0};
  return ::poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLERR) != 0;
}

// The minor device number of what a /dev/fuse descriptor serves, where the kernel tells (6.16).
std::optional<unsigned> ConnectionOf(int fd) {
  std::ifstream info(fmt::format("/proc/self/fdinfo/{}", fd));
  for (std::string name; info >> name;) {
    unsigned connection = 0;
    if (name == "fuse_connection:" && info >> connection) {
      return connection;
    }
  }
  return std::nullopt;
}

bool SetNonBlocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  return flags >= 0 && ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
         ::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

std::string TrimLine(std::string line) {
  line.erase(std::min(line.find('#'), line.size()));
  const std::size_t begin = line.find_first_not_of(" \t");
  if (begin == std::string::npos) {
    return "";
  }
  return line.substr(begin, line.find_last_not_of(" \t") - begin + 1);
}

}  // namespace

bool AllowOtherPermitted(bool is_root, const std::string& configuration) {
  if (is_root) {
    return true;
  }
  std::ifstream file(configuration);
  for (std::string line; std::getline(file, line);) {
    if (TrimLine(line) == "user_allow_other") {
      return true;
    }
  }
  return false;
}

bool AllowOtherPermitted() { return AllowOtherPermitted(::geteuid() == 0, "/etc/fuse.conf"); }

Result<std::string, Error> MountOptionString(const MountOptions& options, bool allow_other) {
  std::string text = fmt::format("fsname={},subtype={},max_read={}", EscapeOption(options.fsname),
                                 EscapeOption(options.subtype), options.max_read);
  text += options.read_only ? ",ro" : ",rw";
  text += ",nosuid,nodev,noatime,default_permissions";
  if (allow_other) {
    text += ",allow_other";
  }
  for (const std::string& flag : options.flags) {
    if (std::find(kFlags.begin(), kFlags.end(), flag) == kFlags.end()) {
      return Error{Errno(EINVAL), fmt::format("Failed to set up FUSE session: '{}': unknown mount "
                                              "flag '{}'",
                                              options.mountpoint, flag)};
    }
    text += "," + flag;
  }
  if (options.auto_unmount) {
    text += ",auto_unmount";
  }
  return text;
}

FuseMount::FuseMount(MountOptions options) : options_(std::move(options)) {}

FuseMount::~FuseMount() {
  const Result<Unit, Error> unmounted = Unmount(false);
  if (!unmounted.ok()) {
    LogWarning(unmounted.error().message);
  }
}

Result<Unit, Error> FuseMount::Mount() {
  FB_ASSERT(!mounted());
  allow_other_ = options_.allow_other == AllowOther::kOn ||
                 (options_.allow_other == AllowOther::kAuto && AllowOtherPermitted());
  entry_.reset();
  taken_over_ = false;
  const Result<Unit, Error> attached = Attach();
  if (!attached.ok()) {
    target_namespace_.Reset();
    return attached;
  }
  if (!SetNonBlocking(fd())) {
    const Error failure = MountError(errno, options_.mountpoint, std::strerror(errno));
    const Result<Unit, Error> unmounted = Unmount(false);
    return unmounted.ok() ? failure : unmounted.error();
  }
  return Unit{};
}

// Gets device_, by mounting or otherwise.
Result<Unit, Error> FuseMount::Attach() {
  if (const std::optional<int> theirs = TakenOverFd(options_.mountpoint); theirs.has_value()) {
    if (::fcntl(*theirs, F_GETFD) < 0) {
      return MountError(errno, options_.mountpoint, std::strerror(errno));
    }
    device_ = UniqueFd(*theirs);
    mountpoint_ = options_.mountpoint;
    taken_over_ = true;
    return Unit{};
  }
  if (options_.target_mount_namespace.has_value()) {
    FB_TRY(OpenTargetNamespace());
    mountpoint_ = options_.mountpoint;
  } else {
    FB_ASSIGN(mountpoint_, CanonicalPath(options_.mountpoint));
  }
  if (options_.auto_unmount || target_namespace_ || options_.fusermount != kDefaultFusermount) {
    FB_TRY(MountThroughFusermount());
  } else {
    FB_ASSIGN(const std::string text, MountOptionString(options_, allow_other_));
    FB_ASSIGN(device_, MountWithLibfuse(text, mountpoint_));
  }
  FindEntry();
  return Unit{};
}

Result<Unit, Error> FuseMount::OpenTargetNamespace() {
  if (!options_.mountpoint.starts_with('/')) {
    return MountError(EINVAL, options_.mountpoint,
                      "the path in another mount namespace must be absolute");
  }
  const std::string path = fmt::format("/proc/{}/ns/mnt", *options_.target_mount_namespace);
  target_namespace_ = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!target_namespace_) {
    const int code = errno;
    return MountError(code, options_.mountpoint, fmt::format("{}: {}", path, std::strerror(code)));
  }
  return Unit{};
}

Result<Unit, Error> FuseMount::MountThroughFusermount() {
  FB_ASSIGN(const std::string text, MountOptionString(options_, allow_other_));
  auto session = MountWithFusermount(program(), text, mountpoint_, options_.auto_unmount);
  if (!session.ok()) {
    return MountError(session.error().code.value(), mountpoint_, session.error().message);
  }
  device_ = std::move(session->device);
  keep_alive_ = std::move(session->keep_alive);
  keeper_ = std::move(session->child);
  return Unit{};
}

FusermountProgram FuseMount::program() const {
  return {options_.fusermount, target_namespace_.get()};
}

// The table that shows our mount; empty when no process is known that sees it.
std::string FuseMount::TablePath() const {
  if (!target_namespace_) {
    return "/proc/self/mountinfo";
  }
  const std::string process = fmt::format("/proc/{}", *options_.target_mount_namespace);
  struct stat now{};
  struct stat ours{};
  if (::stat((process + "/ns/mnt").c_str(), &now) != 0 ||
      ::fstat(target_namespace_.get(), &ours) != 0 || now.st_ino != ours.st_ino) {
    return "";
  }
  return process + "/mountinfo";
}

void FuseMount::FindEntry() {
  if (FindEntryQuickly()) {
    return;
  }
  const std::string path = TablePath();
  const auto table = path.empty()
                         ? Result<std::vector<MountEntry>, Error>(std::vector<MountEntry>())
                         : ReadMountTable(path);
  if (!table.ok()) {
    LogWarning(table.error().message);
    return;
  }
  const MountEntry* const top = FindTopMount(*table, mountpoint_);
  if (top != nullptr && top->type == "fuse." + options_.subtype) {
    entry_ = *top;
  }
}

// In a time that does not grow with the number of mounts: what is in our place, if the kernel says
// that our descriptor serves it.
bool FuseMount::FindEntryQuickly() {
  const std::optional<unsigned> connection = ConnectionOf(fd());
  const auto found = MountAt(mountpoint_);
  if (target_namespace_ || !connection.has_value() || !found.ok() || !found->has_value() ||
      (*found)->device_minor != *connection) {
    return false;
  }
  entry_ = **found;
  return true;
}

Result<Unit, Error> FuseMount::Unmount(bool served) {
  if (!mounted()) {
    return Unit{};
  }
  const bool unmounted = IsUnmounted(fd());
  if (!served || unmounted || taken_over_) {
    device_.Reset();
  }
  const Result<Unit, Error> result =
      unmounted || taken_over_ ? Result<Unit, Error>(Unit{}) : UnmountEntry();
  EndKeepAlive(false);
  device_.Reset();
  target_namespace_.Reset();
  return result;
}

// Whether what would be unmounted is ours.
Result<Unit, Error> FuseMount::CheckOnTop() const {
  const std::string path = TablePath();
  if (!entry_.has_value() || path.empty() || (!target_namespace_ && IsOnTop(*entry_))) {
    return Unit{};
  }
  FB_ASSIGN(const std::vector<MountEntry> table, ReadMountTable(path));
  if (!IsListed(table, *entry_)) {
    return Error{Errno(EINVAL), fmt::format("'{}': had been unmounted already, but programs that "
                                            "had it open still used it until now",
                                            mountpoint_)};
  }
  const MountEntry* const top = FindTopMount(table, mountpoint_);
  if (top == nullptr || !top->IsSameMount(*entry_)) {
    return Error{Errno(EBUSY),
                 fmt::format("'{}': not unmounted, for something else is mounted over the export",
                             mountpoint_)};
  }
  return Unit{};
}

Result<Unit, Error> FuseMount::UnmountEntry() {
  FB_TRY(CheckOnTop());
  if (keeper_.running()) {
    EndKeepAlive(true);
    return Unit{};
  }
  if (!target_namespace_ && ::umount2(mountpoint_.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
    return Unit{};
  }
  if (!target_namespace_ && errno != EPERM) {
    const int code = errno;
    return Error{Errno(code),
                 fmt::format("'{}': cannot unmount: {}", mountpoint_, std::strerror(code))};
  }
  const Result<Unit, Error> result = UnmountWithFusermount(program(), mountpoint_, true);
  if (result.ok()) {
    return Unit{};
  }
  return Error{result.error().code,
               fmt::format("'{}': cannot unmount: {}", mountpoint_, result.error().message)};
}

// Closing the socket makes fusermount3 unmount whatever is in the place of the mount; when that
// is not wanted any more, it must not live to see it.
void FuseMount::EndKeepAlive(bool unmount) {
  if (!keeper_.running()) {
    return;
  }
  if (!unmount) {
    keeper_.Kill();
  }
  keep_alive_.Release();
  const Result<Unit, Error> ended = keeper_.Wait();
  if (unmount && !ended.ok()) {
    LogWarning(fmt::format("'{}': {}", mountpoint_, ended.error().message));
  }
}

}  // namespace fusebay::fuse
