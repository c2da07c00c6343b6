// Temporary mountpoints, and the tests' leave to mount.
#pragma once
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/fd.h"
#include "check.h"
#include "fuse/mount_table.h"
#include "temporary.h"

namespace fusebay::fuse::test {

inline void RequireMounts() {
  if (::geteuid() != 0) {
    ::fusebay::test::Skip("mounting needs root");
  }
  const UniqueFd fd(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!fd) {
    ::fusebay::test::Skip("/dev/fuse cannot be opened");
  }
}

// A folder of its own with an empty file and a folder to mount on; whatever is left mounted there
// goes away with it.
class TemporaryMountpoints {
 public:
  explicit TemporaryMountpoints(std::string name = "image") {
    std::string path = ::fusebay::test::TemporaryPattern("mount");
    CHECK(::mkdtemp(path.data()) != nullptr);
    folder_ = path;
    file = path + "/" + name;
    folder = path + "/folder";
    const UniqueFd made(::open(file.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    CHECK(made.valid());
    CHECK_EQ(::mkdir(folder.c_str(), 0755), 0);
  }
  ~TemporaryMountpoints() {
    while (::umount2(file.c_str(), MNT_DETACH) == 0 || ::umount2(folder.c_str(), MNT_DETACH) == 0) {
    }
    ::unlink(file.c_str());
    ::rmdir(folder.c_str());
    ::rmdir(folder_.c_str());
  }
  std::string file;
  std::string folder;

 private:
  std::string folder_;
};

// The mount on top there, as the kernel tells it; an entry without type when there is none.
inline MountEntry TopMount(const std::string& path) {
  const auto table = ReadMountTable();
  CHECK_OK(table);
  const MountEntry* const top = FindTopMount(*table, path);
  return top == nullptr ? MountEntry{} : *top;
}

}  // namespace fusebay::fuse::test
