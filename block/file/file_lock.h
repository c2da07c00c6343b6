// ImageLock: the locks by which processes that use one image file keep out of each other's way.
// The protocol is QEMU's: docs/protocols/image-locking.md.
#pragma once
#include <cstdint>
#include <string>

#include "base/result.h"
#include "block/permissions.h"

namespace fusebay {

class ImageLock {
 public:
  // Borrows fd; its locks end when its open file description is closed.
  ImageLock(int fd, std::string filename) : fd_(fd), filename_(std::move(filename)) {}
  ImageLock(const ImageLock&) = delete;
  ImageLock& operator=(const ImageLock&) = delete;

  // Whether the file system of fd has locks of this kind.
  static bool IsAvailable(int fd);
  // Makes the locks say `permissions`: all, or on failure none of the change. 'Failed to get
  // "write" lock' when another process does not share writing, 'Failed to get shared "write" lock'
  // when another one writes.
  Result<Unit, Error> Set(const PermissionSet& permissions);
  // Makes the same locks through another open file description, which is to replace that of
  // `other`: nobody else gets in between. REQUIRES: this one has none.
  Result<Unit, Error> TakeOver(const ImageLock& other);

 private:
  // Bits 0 to 3: a lock on "uses"; bits 4 to 7: a lock on "does not share".
  using Bits = std::uint32_t;
  static Bits BitsOf(const PermissionSet& permissions);
  Result<Unit, Error> Lock(Bits bits);
  void Unlock(Bits bits);
  Result<Unit, Error> CheckOthers(Bits bits) const;

  const int fd_;
  const std::string filename_;
  Bits held_ = 0;
};

}  // namespace fusebay
