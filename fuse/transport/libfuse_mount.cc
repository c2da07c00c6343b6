// Mounts with libfuse3; nothing else in the program knows its headers.
//
// Of libfuse only the mount is used, not its session: the descriptor is copied and the session
// dropped at once, for its own unmount does not look whether the mount in that place is still ours.
#define FUSE_USE_VERSION 35
#include <fcntl.h>
#include <fmt/format.h>
#include <fuse3/fuse_lowlevel.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>

#include "core/log.h"
#include "fuse/transport/mount.h"

namespace fusebay::fuse {

namespace {

// What libfuse says during a call of this thread; its log function gets no pointer of ours.
thread_local std::string* collected = nullptr;

[[gnu::format(printf, 2, 0)]] void CollectLog(fuse_log_level level, const char* format,
                                              va_list arguments) {
  std::array<char, 512> text{};
  std::vsnprintf(text.data(), text.size(), format, arguments);
  std::string_view line(text.data());
  while (line.ends_with('\n')) {
    line.remove_suffix(1);
  }
  if (collected == nullptr) {
    Log(level <= FUSE_LOG_ERR ? LogLevel::kError : LogLevel::kInfo, line);
    return;
  }
  *collected += collected->empty() ? "" : "; ";
  *collected += line;
}

class Collector {
 public:
  Collector() {
    collected = &text_;
    fuse_set_log_func(CollectLog);
    errno = 0;
  }
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;
  ~Collector() { collected = nullptr; }

  // REQUIRES: libfuse has just failed.
  Error Failure(std::string_view what, const std::string& mountpoint) const {
    const int code = errno != 0 ? errno : EIO;
    const std::string cause =
        text_.empty() ? std::string(errno != 0 ? std::strerror(code) : "fusermount3 failed")
                      : text_;
    return Error{Errno(code), fmt::format("{}: '{}': {}", what, mountpoint, cause)};
  }

 private:
  std::string text_;
};

struct Arguments {
  Arguments() = default;
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;
  ~Arguments() { fuse_opt_free_args(&args); }
  fuse_args args = FUSE_ARGS_INIT(0, nullptr);
};

struct SessionDeleter {
  void operator()(fuse_session* session) const { fuse_session_destroy(session); }
};

// Puts a descriptor in the place of the session's that looks like one whose mount is gone, so that
// libfuse lets go of it without unmounting.
bool Detach(int session_fd) {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return false;
  }
  ::close(ends[0]);  // poll on the other end says POLLERR from now on
  const bool replaced = ::dup3(ends[1], session_fd, O_CLOEXEC) == session_fd;
  ::close(ends[1]);
  return replaced;
}

}  // namespace

Result<UniqueFd, Error> MountWithLibfuse(const std::string& options,
                                         const std::string& mountpoint) {
  const Collector collector;
  Arguments arguments;
  const fuse_lowlevel_ops no_operations{};
  if (fuse_opt_add_arg(&arguments.args, "fusebay") != 0 ||
      fuse_opt_add_arg(&arguments.args, "-o") != 0 ||
      fuse_opt_add_arg(&arguments.args, options.c_str()) != 0) {
    return collector.Failure("Failed to set up FUSE session", mountpoint);
  }
  const std::unique_ptr<fuse_session, SessionDeleter> session(
      fuse_session_new(&arguments.args, &no_operations, sizeof no_operations, nullptr));
  if (session == nullptr) {
    return collector.Failure("Failed to set up FUSE session", mountpoint);
  }
  if (fuse_session_mount(session.get(), mountpoint.c_str()) != 0) {
    return collector.Failure("Failed to mount FUSE session to export", mountpoint);
  }
  UniqueFd device(::fcntl(fuse_session_fd(session.get()), F_DUPFD_CLOEXEC, 3));
  if (!device || !Detach(fuse_session_fd(session.get()))) {
    const Error failure = collector.Failure("Failed to set up FUSE session", mountpoint);
    device.Reset();
    fuse_session_unmount(session.get());  // nobody can have mounted over it yet
    return failure;
  }
  fuse_session_unmount(session.get());
  return device;
}

}  // namespace fusebay::fuse
