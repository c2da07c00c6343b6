// Opening files: what is no image is refused at once, by its name.
#include "file/file_open.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "file_fixture.h"

namespace fusebay::test {

namespace {

using namespace std::string_view_literals;

struct Scene {
  Result<BlockNode*, Error> Open(const std::string& path) { return bench.TryOpen(File(path)); }
  Result<BlockNode*, Error> OpenDevice(const std::string& path) {
    BlockdevOptions options = File(path, /*read_only=*/true);
    options.driver = "host_device";
    return bench.TryOpen(options);
  }
  TemporaryFolder folder;
  Bench bench;
};

// Makes a file one that even root may not write to, for a while.
class Unwritable {
 public:
  explicit Unwritable(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    CHECK_EQ(fchmod(fd_.get(), 0400), 0);
    if (getuid() == 0 && !SetImmutable(true)) {
      Skip("root may write to every file of this file system");
    }
  }
  Unwritable(const Unwritable&) = delete;
  Unwritable& operator=(const Unwritable&) = delete;
  ~Unwritable() { SetImmutable(false); }

 private:
  bool SetImmutable(bool immutable) const {
    int flags = 0;
    if (ioctl(fd_.get(), FS_IOC_GETFLAGS, &flags) != 0) {
      return false;
    }
    flags = immutable ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
    return ioctl(fd_.get(), FS_IOC_SETFLAGS, &flags) == 0;
  }
  UniqueFd fd_;
};

}  // namespace

TEST(AFileHasItsSizeAndLimits) {
  Scene s;
  const auto node = s.Open(s.folder.Sparse("disk", 12345));
  CHECK_OK(node);
  CHECK_EQ((*node)->size(), 12345u);
  CHECK_EQ((*node)->limits().request_alignment, 1u);
  CHECK((*node)->limits().preferred_size >= 4096);
  CHECK(!(*node)->read_only());
}

TEST(WithODirectTheLimitsSaySo) {
  Scene s;
  const auto node = s.bench.TryOpen(
      FileBy({.loop = {}, .aio = {}, .direct = true}, s.folder.Sparse("disk", 12345)));
  CHECK_OK(node);
  CHECK((*node)->limits().request_alignment >= 512);
  CHECK((*node)->limits().memory_alignment >= (*node)->limits().request_alignment ||
        (*node)->limits().memory_alignment == 4096);
}

TEST(AMissingFileIsNamed) {
  Scene s;
  CHECK_MESSAGE(s.Open("/nonexistent"), "Could not open '/nonexistent': No such file or directory");
}

TEST(ADirectoryIsRefused) {
  Scene s;
  CHECK_MESSAGE(s.Open("/tmp"), "Could not open '/tmp': Is a directory");
}

TEST(AFifoIsRefusedWithoutWaiting) {
  Scene s;
  const std::string path = s.folder.Name("fifo");
  CHECK_EQ(mkfifo(path.c_str(), 0600), 0);
  CHECK_MESSAGE(s.Open(path), "'" + path + "' is a FIFO");
}

TEST(ASocketIsRefused) {
  Scene s;
  const std::string path = s.folder.Name("socket");
  const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  CHECK_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  CHECK_MESSAGE(s.Open(path), "' is a socket");
}

TEST(ADeviceIsNoRegularFileAndTheOtherWayRound) {
  Scene s;
  CHECK_MESSAGE(s.Open("/dev/null"), "'file' driver requires '/dev/null' to be a regular file");
  const std::string path = s.folder.Sparse("disk", 512);
  CHECK_MESSAGE(s.OpenDevice(path), "'host_device' driver requires '" + path +
                                        "' to be either a character or block device");
}

TEST(ASymlinkIsFollowed) {
  Scene s;
  const std::string link = s.folder.Name("link");
  CHECK_EQ(symlink(s.folder.Sparse("disk", 512).c_str(), link.c_str()), 0);
  CHECK_OK(s.Open(link));
}

TEST(OnlyAutoReadOnlyFallsBack) {
  Scene s;
  const std::string path = s.folder.Sparse("disk", 512);
  const Unwritable unwritable(path);
  CHECK_MESSAGE(s.Open(path), "Could not open '" + path + "'");
  BlockdevOptions options = File(path);
  options.auto_read_only = true;
  const auto node = s.bench.TryOpen(options);
  CHECK_OK(node);
  CHECK((*node)->read_only());
}

TEST(InformationNamesTheFile) {
  Scene s;
  const std::string path = s.folder.File("disk", Data(8192, std::byte{1}).bytes());
  const auto node = s.Open(path);
  const auto info = s.bench.Run((*node)->Info());
  CHECK_OK(info);
  CHECK_EQ(info->filename, path);
  CHECK_EQ(info->format, "file");
  CHECK(info->actual_size.has_value());
}

TEST(NoFdIsInherited) {
  FileRequest request;
  TemporaryFolder folder;
  request.filename = folder.Sparse("disk", 512);
  request.direct = true;
  const auto file = OpenFile(request);
  CHECK_OK(file);
  CHECK((fcntl(file->fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((fcntl(file->tail_fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((fcntl(file->fd.get(), F_GETFL) & O_NONBLOCK) == 0);
}

}  // namespace fusebay::test
