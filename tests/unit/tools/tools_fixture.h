// What the tests of the tools share: a temporary folder, and mount table entries made up.
#pragma once
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "check.h"
#include "fuse/mount_table.h"
#include "temporary.h"

namespace fusebay::test {

class TempFolder {
 public:
  TempFolder() {
    std::string name = TemporaryPattern("unit");
    CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = std::filesystem::canonical(name).string();
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() { std::filesystem::remove_all(path_); }

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  std::string Folder(const std::string& name) const {
    std::filesystem::create_directories(*this / name);
    return *this / name;
  }
  std::string File(const std::string& name) const {
    const int fd = ::open((*this / name).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    ::close(fd);
    return *this / name;
  }

 private:
  std::string path_;
};

inline fuse::MountEntry Entry(int id, const std::string& mountpoint, unsigned minor,
                              const std::string& type = "fuse.fusebay") {
  fuse::MountEntry entry;
  entry.id = id;
  entry.parent = 1;
  entry.device_minor = minor;
  entry.root = "/";
  entry.mountpoint = mountpoint;
  entry.type = type;
  entry.source = "/srv/disk.img";
  entry.options = "ro,nosuid,nodev";
  entry.super_options = "ro,user_id=0,group_id=0";
  return entry;
}

// The root file system, which every table has.
inline fuse::MountEntry Root() {
  fuse::MountEntry entry = Entry(1, "/", 1, "ext4");
  entry.parent = 0;
  return entry;
}

}  // namespace fusebay::test
