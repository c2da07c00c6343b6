// Makes files for new images, and takes them away after a failure.
#include "block/new_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/fd.h"
#include "core/log.h"

namespace fusebay {

namespace {

constexpr std::uint32_t kGoodExtentSize = 1 << 20;

// Only for a file that is empty yet: later they would not take effect.
void Apply(const FileHints& hints, const char* path, int fd) {
  int flags = 0;
  if (hints.no_copy_on_write && ::ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
    flags |= FS_NOCOW_FL;
    static_cast<void>(::ioctl(fd, FS_IOC_SETFLAGS, &flags));
  }
  const std::uint64_t extent_size = hints.extent_size.value_or(kGoodExtentSize);
  struct fsxattr attributes{};
  attributes.fsx_xflags = FS_XFLAG_EXTSIZE;
  attributes.fsx_extsize =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(extent_size, UINT32_MAX));
  if (extent_size != 0 && ::ioctl(fd, FS_IOC_FSSETXATTR, &attributes) != 0 &&
      hints.extent_size.has_value()) {
    LogWarning(fmt::format("{}: Failed to set extent size hint: {}", path, std::strerror(errno)));
  }
}

}  // namespace

Result<NewFile, Error> NewFile::Make(std::string path, const FileHints& hints) {
  NewFile file(std::move(path));
  const char* const name = file.path_.c_str();
  const UniqueFd fd(::open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  struct stat st{};
  const bool exists = !fd.valid() && errno == EEXIST;
  if ((!fd.valid() && !exists) || (exists ? ::stat(name, &st) : ::fstat(fd.get(), &st)) != 0) {
    const int code = errno;
    return Error{Errno{code},
                 fmt::format("Could not create '{}': {}", file.path_, std::strerror(code))};
  }
  file.device_ = st.st_dev;
  file.inode_ = st.st_ino;
  file.is_device_ = S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode);
  file.is_ours_ = !exists;
  if (!exists) {
    Apply(hints, name, fd.get());
  }
  return file;
}

void NewFile::RemoveIfNew() const {
  struct stat st{};
  if (is_ours_ && ::lstat(path_.c_str(), &st) == 0 && st.st_dev == device_ && st.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
}

}  // namespace fusebay
