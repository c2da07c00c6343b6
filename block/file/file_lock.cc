// ImageLock: open file description locks on bytes 100 and 200 of the image.
#include "file_lock.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/assert.h"

namespace fusebay {

namespace {

constexpr std::uint32_t kPermissions = 4;
constexpr std::array<std::string_view, kPermissions> kNames{"consistent read", "write",
                                                            "write unchanged", "resize"};

// The byte of bit `bit`: 100 and up for what is used, 200 and up for what is not shared.
constexpr std::int64_t ByteOf(std::uint32_t bit) {
  return bit < kPermissions ? 100 + std::int64_t{bit} : 200 + std::int64_t{bit - kPermissions};
}

// The byte where others say what conflicts with bit `bit`.
constexpr std::int64_t OppositeByteOf(std::uint32_t bit) {
  return ByteOf((bit + kPermissions) % (2 * kPermissions));
}

int Fcntl(int fd, int command, struct flock& lock) {
  int r = 0;
  do {
    r = fcntl(fd, command, &lock);
  } while (r < 0 && errno == EINTR);
  return r < 0 ? errno : 0;
}

struct flock OneByte(short type, std::int64_t byte) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  return lock;
}

}  // namespace

bool ImageLock::IsAvailable(int fd) {
  struct flock lock = OneByte(F_RDLCK, ByteOf(0));
  return Fcntl(fd, F_OFD_GETLK, lock) == 0;
}

ImageLock::Bits ImageLock::BitsOf(const PermissionSet& permissions) {
  return (permissions.used & kPermAll) | ((~permissions.shared & kPermAll) << kPermissions);
}

// A bit that is held already was checked when it was taken, and keeps others out since; looking
// again would only see somebody who is about to be refused.
Result<Unit, Error> ImageLock::Set(const PermissionSet& permissions) {
  const Bits wanted = BitsOf(permissions);
  const Bits before = held_;
  const Bits added = wanted & ~before;
  Result<Unit, Error> r = Lock(added);
  if (r.ok()) {
    r = CheckOthers(added);
  }
  if (!r.ok()) {
    Unlock(held_ & ~before);
    return r;
  }
  Unlock(before & ~wanted);
  return r;
}

// What they keep out is kept out already, so nobody looks at others, who would be ourselves.
Result<Unit, Error> ImageLock::TakeOver(const ImageLock& other) {
  FB_ASSERT(held_ == 0);
  const Result<Unit, Error> locked = Lock(other.held_);
  if (!locked.ok()) {
    Unlock(held_);
  }
  return locked;
}

Result<Unit, Error> ImageLock::Lock(Bits bits) {
  for (std::uint32_t bit = 0; bit < 2 * kPermissions; ++bit) {
    if ((bits & (1u << bit)) == 0) {
      continue;
    }
    struct flock lock = OneByte(F_RDLCK, ByteOf(bit));
    const int code = Fcntl(fd_, F_OFD_SETLK, lock);
    if (code != 0) {
      return Error{Errno{code}, fmt::format("Failed to lock byte {} of '{}': {}", ByteOf(bit),
                                            filename_, strerror(code))};
    }
    held_ |= 1u << bit;
  }
  return Unit{};
}

// Giving up a lock cannot fail, except that the kernel may be out of memory for splitting it;
// a lock too many then keeps others out for longer, which harms nobody.
void ImageLock::Unlock(Bits bits) {
  for (std::uint32_t bit = 0; bit < 2 * kPermissions; ++bit) {
    if ((bits & (1u << bit)) != 0) {
      struct flock lock = OneByte(F_UNLCK, ByteOf(bit));
      if (Fcntl(fd_, F_OFD_SETLK, lock) == 0) {
        held_ &= ~(1u << bit);
      }
    }
  }
}

Result<Unit, Error> ImageLock::CheckOthers(Bits bits) const {
  for (std::uint32_t bit = 0; bit < 2 * kPermissions; ++bit) {
    if ((bits & (1u << bit)) == 0) {
      continue;
    }
    struct flock lock = OneByte(F_WRLCK, OppositeByteOf(bit));
    const int code = Fcntl(fd_, F_OFD_GETLK, lock);
    if (code == 0 && lock.l_type == F_UNLCK) {
      continue;
    }
    return Error{
        Errno{code == 0 ? EAGAIN : code},
        fmt::format("Failed to get {}\"{}\" lock. Is another process using the image "
                    "[{}]?",
                    bit < kPermissions ? "" : "shared ", kNames[bit % kPermissions], filename_)};
  }
  return Unit{};
}

}  // namespace fusebay
