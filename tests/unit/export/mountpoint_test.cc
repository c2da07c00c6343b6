// Mountpoints: what is refused, and with which words.
#include "export/mountpoint.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "check.h"
#include "temporary.h"

namespace fusebay::test {

namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = fusebay::test::TemporaryPattern("mountpoint");
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() {
    for (const char* const name : {"file", "link", "dir", "fifo"}) {
      const std::string entry = At(name);
      if (::unlink(entry.c_str()) != 0) {
        ::rmdir(entry.c_str());
      }
    }
    ::rmdir(path_.c_str());
  }
  std::string At(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

void Touch(const std::string& path) {
  const int fd = ::open(path.c_str(), O_CREAT | O_WRONLY, 0600);
  CHECK(fd >= 0);
  ::close(fd);
}

}  // namespace

TEST(MissingFileIsNamed) {
  const Folder folder;
  CHECK_MESSAGE(ResolveMountpoint(folder.At("none")),
                "Failed to stat '" + folder.At("none") + "': No such file or directory");
  CHECK_EQ(ResolveMountpoint(folder.At("none")).error().code.value(), ENOENT);
}

TEST(FolderIsNoRegularFile) {
  const Folder folder;
  CHECK_EQ(::mkdir(folder.At("dir").c_str(), 0700), 0);
  CHECK_MESSAGE(PrepareMountpoint("the dir", folder.At("dir"), "fusermount3"),
                "'the dir' is not a regular file");
}

TEST(FifoIsNoRegularFile) {
  const Folder folder;
  CHECK_EQ(::mkfifo(folder.At("fifo").c_str(), 0600), 0);
  const Result<Unit, Error> prepared = PrepareMountpoint("f", folder.At("fifo"), "fusermount3");
  CHECK_MESSAGE(prepared, "'f' is not a regular file");
  CHECK_EQ(prepared.error().code.value(), EINVAL);
}

TEST(SymbolicLinkMeansItsTarget) {
  const Folder folder;
  Touch(folder.At("file"));
  CHECK_EQ(::symlink("file", folder.At("link").c_str()), 0);
  const Result<std::string, Error> resolved = ResolveMountpoint(folder.At("link"));
  CHECK_OK(resolved);
  CHECK_EQ(*resolved, folder.At("file"));
}

TEST(RegularFileIsTaken) {
  const Folder folder;
  Touch(folder.At("file"));
  CHECK_OK(PrepareMountpoint("f", folder.At("file"), "fusermount3"));
}

TEST(TakenMountpointIsNamed) {
  CHECK_EQ(MountpointTaken("a.img").message, "There already is a FUSE export on 'a.img'");
  CHECK_EQ(MountpointTaken("a.img").code.value(), EEXIST);
}

}  // namespace fusebay::test
