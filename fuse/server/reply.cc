// Turns the words of a filesystem into the structures of the wire.
#include "fuse/server/reply.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace fusebay::fuse {
namespace {

// Seconds and nanoseconds of a time that is not negative.
struct Split {
  explicit Split(Nanoseconds time)
      : seconds(time.count() < 0 ? 0 : static_cast<std::uint64_t>(time.count()) / kSecond),
        nanoseconds(time.count() < 0 ? 0
                                     : static_cast<std::uint32_t>(
                                           static_cast<std::uint64_t>(time.count()) % kSecond)) {}
  static constexpr std::uint64_t kSecond = 1'000'000'000;
  std::uint64_t seconds;
  std::uint32_t nanoseconds;
};

std::uint64_t Seconds(const timespec& time) { return static_cast<std::uint64_t>(time.tv_sec); }
std::uint32_t Nanos(const timespec& time) { return static_cast<std::uint32_t>(time.tv_nsec); }

abi::StatxTime EncodeTime(const timespec& time) {
  return {.seconds = time.tv_sec, .nanoseconds = Nanos(time), .reserved = 0};
}

}  // namespace

abi::Attr EncodeAttr(const Attr& attr) {
  return {
      .ino = attr.ino,
      .size = attr.size,
      .blocks = attr.blocks,
      .atime = Seconds(attr.atime),
      .mtime = Seconds(attr.mtime),
      .ctime = Seconds(attr.ctime),
      .atime_ns = Nanos(attr.atime),
      .mtime_ns = Nanos(attr.mtime),
      .ctime_ns = Nanos(attr.ctime),
      .mode = attr.mode,
      .nlink = attr.nlink,
      .uid = attr.uid,
      .gid = attr.gid,
      .rdev = static_cast<std::uint32_t>(makedev(attr.rdev_major, attr.rdev_minor)),
      .blksize = attr.blksize,
      .flags = attr.flags,
  };
}

abi::AttrOut EncodeAttrOut(const Attr& attr) {
  const Split valid(attr.valid);
  return {.attr_valid = valid.seconds,
          .attr_valid_ns = valid.nanoseconds,
          .padding = 0,
          .attr = EncodeAttr(attr)};
}

abi::EntryOut EncodeEntry(const Entry& entry) {
  const Split entry_valid(entry.valid);
  abi::EntryOut out{};
  out.entry_valid = entry_valid.seconds;
  out.entry_valid_ns = entry_valid.nanoseconds;
  if (entry.node == NodeId::kNone) {
    return out;
  }
  const Split attr_valid(entry.attr.valid);
  out.nodeid = static_cast<std::uint64_t>(entry.node);
  out.generation = entry.generation;
  out.attr_valid = attr_valid.seconds;
  out.attr_valid_ns = attr_valid.nanoseconds;
  out.attr = EncodeAttr(entry.attr);
  return out;
}

abi::StatxOut EncodeStatx(const Attr& attr) {
  const Split valid(attr.valid);
  const bool has_btime = attr.btime.tv_sec != 0 || attr.btime.tv_nsec != 0;
  abi::StatxOut out{};
  out.attr_valid = valid.seconds;
  out.attr_valid_ns = valid.nanoseconds;
  out.stat.mask = STATX_BASIC_STATS | (has_btime ? STATX_BTIME : 0u);
  out.stat.blksize = attr.blksize;
  out.stat.attributes = attr.attributes;
  out.stat.attributes_mask = attr.attributes_mask;
  out.stat.nlink = attr.nlink;
  out.stat.uid = attr.uid;
  out.stat.gid = attr.gid;
  out.stat.mode = static_cast<std::uint16_t>(attr.mode);
  out.stat.ino = attr.ino;
  out.stat.size = attr.size;
  out.stat.blocks = attr.blocks;
  out.stat.atime = EncodeTime(attr.atime);
  out.stat.btime = EncodeTime(attr.btime);
  out.stat.ctime = EncodeTime(attr.ctime);
  out.stat.mtime = EncodeTime(attr.mtime);
  out.stat.rdev_major = attr.rdev_major;
  out.stat.rdev_minor = attr.rdev_minor;
  return out;
}

abi::OpenOut EncodeOpened(const Opened& opened) {
  return {.handle = static_cast<std::uint64_t>(opened.handle),
          .open_flags = opened.open_flags,
          .backing_id = opened.backing_id};
}

}  // namespace fusebay::fuse
