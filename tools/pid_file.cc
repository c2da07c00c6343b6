// Makes, locks and removes the pid file.
#include "pid_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

namespace fusebay {

namespace {

Error Failure(std::string_view what) {
  const int code = errno;
  return Error{Errno(code), fmt::format("{}: {}", what, std::strerror(code))};
}

// Whether the name still leads to the open file.
bool IsSame(int folder, const std::string& name, int file) {
  struct stat by_name{};
  struct stat by_fd{};
  return ::fstatat(folder, name.c_str(), &by_name, 0) == 0 && ::fstat(file, &by_fd) == 0 &&
         by_name.st_dev == by_fd.st_dev && by_name.st_ino == by_fd.st_ino;
}

Result<Unit, Error> Lock(int file) {
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(file, F_OFD_SETLK, &lock) != 0) {
    return Failure("Cannot lock pid file");
  }
  return Unit{};
}

Result<Unit, Error> WritePid(int file) {
  const std::string text = fmt::format("{}\n", ::getpid());
  if (::ftruncate(file, 0) != 0) {
    return Failure("Failed to truncate pid file");
  }
  if (::pwrite(file, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return Failure("Failed to write pid file");
  }
  return Unit{};
}

}  // namespace

Result<PidFile, Error> PidFile::Create(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder_path = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  const std::string what = fmt::format("Could not create '{}'", path);
  UniqueFd folder(::open(folder_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) {
    return Failure(what);
  }
  for (;;) {
    UniqueFd file(::openat(folder.get(), name.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    if (!file) {
      return Failure(what);
    }
    FB_TRY(Lock(file.get()));
    // A process that ends removes its file: then the lock is on one that nobody finds any more.
    if (IsSame(folder.get(), name, file.get())) {
      FB_TRY(WritePid(file.get()));
      return PidFile(std::move(folder), name, std::move(file));
    }
  }
}

PidFile::~PidFile() {
  if (file_ && IsSame(folder_.get(), name_, file_.get())) {
    ::unlinkat(folder_.get(), name_.c_str(), 0);
  }
}

}  // namespace fusebay
