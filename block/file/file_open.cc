// Opening an image file: what it is, how big, and how its blocks must be aligned.
#include "file_open.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "file_lock.h"

namespace fusebay {

namespace {

// Where a file system does not say how O_DIRECT must be aligned, this suits them all.
constexpr std::uint32_t kSafeAlignment = 4096;

Error Failed(const std::string& filename, int code) {
  return {Errno{code}, fmt::format("Could not open '{}': {}", filename, strerror(code))};
}

const char* PathOf(const FileRequest& request) {
  return request.path.empty() ? request.filename.c_str() : request.path.c_str();
}

// What else can have a name; null for what may hold an image.
const char* NotAnImage(mode_t mode) {
  if (S_ISFIFO(mode)) {
    return "a FIFO";
  }
  return S_ISSOCK(mode) ? "a socket" : nullptr;
}

Result<Unit, Error> CheckType(const FileRequest& request, mode_t mode) {
  if (S_ISDIR(mode)) {
    return Failed(request.filename, EISDIR);
  }
  const char* const other = NotAnImage(mode);
  if (other != nullptr) {
    return Error{Errno{EINVAL}, fmt::format("'{}' is {}", request.filename, other)};
  }
  if (request.is_device && S_ISREG(mode)) {
    return Error{Errno{EINVAL}, fmt::format("'host_device' driver requires '{}' to be either a "
                                            "character or block device",
                                            request.filename)};
  }
  if (!request.is_device && !S_ISREG(mode)) {
    return Error{Errno{EINVAL},
                 fmt::format("'file' driver requires '{}' to be a regular file", request.filename)};
  }
  return Unit{};
}

// O_NONBLOCK: should the name have become a FIFO since we looked, nobody waits for its other end.
int OpenOnce(const FileRequest& request, int access, bool direct) {
  const int flags = access | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (direct ? O_DIRECT : 0);
  int fd = -1;
  do {
    fd = open(PathOf(request), flags);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

Result<UniqueFd, Error> OpenChecked(const FileRequest& request, int access, bool direct) {
  UniqueFd fd(OpenOnce(request, access, direct));
  if (!fd.valid()) {
    const int code = errno;
    if (direct && code == EINVAL) {
      return Error{Errno{code},
                   fmt::format("Could not open '{}': The file system does not support O_DIRECT "
                               "(cache.direct=on)",
                               request.filename)};
    }
    return Failed(request.filename, code);
  }
  struct stat st{};
  if (fstat(fd.get(), &st) != 0) {
    return Failed(request.filename, errno);
  }
  FB_TRY(CheckType(request, st.st_mode));
  int device_read_only = 0;  // open(2) itself lets root write to a device that refuses writes
  if (access == O_RDWR && S_ISBLK(st.st_mode) &&
      (ioctl(fd.get(), BLKROGET, &device_read_only) != 0 || device_read_only != 0)) {
    return Failed(request.filename, EACCES);
  }
  // io_uring would pass EAGAIN on rather than wait.
  const int flags = fcntl(fd.get(), F_GETFL);
  if (flags < 0 || fcntl(fd.get(), F_SETFL, flags & ~O_NONBLOCK) != 0) {
    return Failed(request.filename, errno);
  }
  return fd;
}

bool IsReadOnlyError(int code) { return code == EACCES || code == EROFS || code == EPERM; }

bool IsSameFile(int a, int b) {
  struct stat first{};
  struct stat second{};
  return fstat(a, &first) == 0 && fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

std::uint32_t PowerOfTwoOr(std::uint32_t value, std::uint32_t otherwise) {
  return std::has_single_bit(value) && value <= (64u << 10) ? value : otherwise;
}

Result<Unit, Error> LearnSize(const FileRequest& request, OpenedFile& file) {
  struct stat st{};
  if (fstat(file.fd.get(), &st) != 0) {
    return Failed(request.filename, errno);
  }
  file.preferred_size = static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(std::int64_t{st.st_blksize}, 4096, 1 << 20));
  if (S_ISBLK(st.st_mode)) {
    int block_size = 512;
    if (ioctl(file.fd.get(), BLKGETSIZE64, &file.size) != 0 ||
        ioctl(file.fd.get(), BLKSSZGET, &block_size) != 0) {
      return Failed(request.filename, errno);
    }
    file.block_size = PowerOfTwoOr(static_cast<std::uint32_t>(block_size), kSafeAlignment);
    return Unit{};
  }
  const off_t end = S_ISREG(st.st_mode) ? st.st_size : lseek(file.fd.get(), 0, SEEK_END);
  if (end < 0) {
    return Failed(request.filename, errno);
  }
  file.size = static_cast<std::uint64_t>(end);
  return Unit{};
}

Result<Unit, Error> LearnDirectAlignment(const FileRequest& request, OpenedFile& file) {
  const std::uint32_t least = file.block_size;
  file.block_size = std::max(least, kSafeAlignment);
  file.memory_alignment = kSafeAlignment;
#ifdef STATX_DIOALIGN
  struct statx stx{};
  if (statx(file.fd.get(), "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) == 0 &&
      (stx.stx_mask & STATX_DIOALIGN) != 0) {
    if (stx.stx_dio_offset_align == 0) {
      return Error{Errno{EINVAL},
                   fmt::format("Could not open '{}': The file cannot be read with O_DIRECT "
                               "(cache.direct=on)",
                               request.filename)};
    }
    file.block_size = std::max(least, PowerOfTwoOr(stx.stx_dio_offset_align, kSafeAlignment));
    file.memory_alignment = PowerOfTwoOr(stx.stx_dio_mem_align, kSafeAlignment);
  }
#endif
  return Unit{};
}

}  // namespace

Result<OpenedFile, Error> OpenFile(const FileRequest& request) {
  struct stat st{};
  if (stat(PathOf(request), &st) != 0) {
    return Failed(request.filename, errno);
  }
  FB_TRY(CheckType(request, st.st_mode));

  OpenedFile file;
  file.read_only = request.read_only;
  Result<UniqueFd, Error> fd =
      OpenChecked(request, request.read_only ? O_RDONLY : O_RDWR, request.direct);
  if (!fd.ok() && !request.read_only && request.auto_read_only &&
      IsReadOnlyError(fd.error().code.value())) {
    file.read_only = true;
    fd = OpenChecked(request, O_RDONLY, request.direct);
  }
  if (!fd.ok()) {
    return fd.error();
  }
  file.fd = std::move(*fd);
  FB_TRY(LearnSize(request, file));
  if (request.direct) {
    FB_TRY(LearnDirectAlignment(request, file));
    if (!file.read_only) {
      FB_ASSIGN(file.tail_fd, OpenChecked(request, O_RDWR, false));
      if (!IsSameFile(file.fd.get(), file.tail_fd.get())) {
        return Error{Errno{EAGAIN}, fmt::format("Could not open '{}': it was replaced meanwhile",
                                                request.filename)};
      }
    }
  }
  file.can_lock = ImageLock::IsAvailable(file.fd.get());
  return file;
}

}  // namespace fusebay
