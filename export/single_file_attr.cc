// SingleFileFs: attributes, open and close.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "export/single_file_fs.h"
#include "fuse/abi.h"

namespace fusebay {

namespace {

// Another process may change what a shared image holds, so attributes are not kept for long.
constexpr Nanoseconds kAttrValid = std::chrono::seconds(1);
constexpr std::uint32_t kPermissionBits = 07777;
constexpr std::uint32_t kGroupOtherBits = 077;
constexpr std::uint32_t kWriteBits = 0222;
constexpr std::uint64_t kStatFsBlock = 4096;

// As Linux does it: set-group-ID means something else where the group may not execute.
std::uint32_t WithoutPrivileges(std::uint32_t mode) {
  return mode & ~((mode & S_IXGRP) != 0 ? S_ISUID | S_ISGID : S_ISUID);
}

timespec Now() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now;
}

// Handles tell apart only who may have written.
constexpr fuse::Handle kReader{0};
constexpr fuse::Handle kWriter{1};

// Only a hostile client closes what it has not opened.
void CountDown(std::atomic<std::uint32_t>& count) {
  std::uint32_t open = count.load();
  while (open != 0 && !count.compare_exchange_weak(open, open - 1)) {
  }
}

bool Same(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

timespec FromStatx(const statx_timestamp& t) {
  timespec result{};
  result.tv_sec = t.tv_sec;
  result.tv_nsec = static_cast<long>(t.tv_nsec);
  return result;
}

}  // namespace

SingleFileFs::SingleFileFs(BlockGraph& graph, const BlockRef& ref, const SingleFileOptions& options)
    : graph_(graph),
      ref_(ref),
      options_(options),
      mode_(S_IFREG | (options.writable ? 0600u : 0400u)),
      uid_(::getuid()),
      gid_(::getgid()) {
  const timespec now = Now();
  times_ = {now, now, now};
  struct statx host{};
  if (options_.host_fd >= 0 &&
      ::statx(options_.host_fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &host) == 0) {
    times_ = {FromStatx(host.stx_atime), FromStatx(host.stx_mtime), FromStatx(host.stx_ctime)};
    image_mtime_ = times_.mtime;
    if ((host.stx_mask & STATX_BTIME) != 0) {
      btime_ = FromStatx(host.stx_btime);
    }
  }
}

fuse::ServerOptions SingleFileFs::server_options() const {
  namespace abi = fuse::abi;
  fuse::ServerOptions server;
  server.want = abi::kInitAsyncRead | abi::kInitAsyncDio | abi::kInitBigWrites |
                abi::kInitMaxPages | abi::kInitParallelDirOps | abi::kInitHandleKillPrivV2 |
                abi::kInitDirectIoAllowMmap | abi::kInitExplicitInvalData;
  if (options_.cache == ExportCache::kWriteback) {
    server.want |= abi::kInitWritebackCache;
  }
  return server;
}

Task<Result<fuse::Entry>> SingleFileFs::Lookup(const fuse::Caller&, fuse::NodeId,
                                               std::string_view) {
  return Result<fuse::Entry>{Errno{ENOENT}};
}

Task<fuse::Attr> SingleFileFs::MakeAttr() {
  const Result<std::uint64_t> allocated = co_await ref_.node().AllocatedSize();
  fuse::Attr attr;
  attr.ino = 1;
  attr.nlink = 1;
  attr.size = ref_.size();
  attr.blocks = (allocated.ok() ? *allocated : attr.size + 511) / 512;
  attr.blksize = ref_.node().limits().preferred_size;
  attr.valid = kAttrValid;
  const std::lock_guard lock(attr_mutex_);
  attr.atime = times_.atime;
  attr.mtime = times_.mtime;
  attr.ctime = times_.ctime;
  attr.btime = btime_;
  attr.mode = mode_;
  attr.uid = uid_;
  attr.gid = gid_;
  co_return attr;
}

Task<Result<fuse::Attr>> SingleFileFs::GetAttr(const fuse::Caller&, fuse::NodeId,
                                               std::optional<fuse::Handle>) {
  const Gate::Pass pass = co_await ref_.gate().Enter();
  fuse::Attr attr = co_await MakeAttr();
  co_return attr;
}

Result<> SingleFileFs::CheckSetAttr(const fuse::SetAttrArgs& args) const {
  if (args.mode.has_value()) {
    if (!options_.allow_other && (*args.mode & kGroupOtherBits) != 0) {
      return Errno{EPERM};
    }
    if (!options_.writable && (*args.mode & kWriteBits) != 0) {
      return Errno{EROFS};
    }
  }
  if (!options_.allow_other && (args.uid.has_value() || args.gid.has_value())) {
    return Errno{EOPNOTSUPP};
  }
  if (args.size.has_value()) {
    if (!options_.writable) {
      return Errno{EACCES};
    }
    if (*args.size > BlockNode::kMaxSize) {
      return Errno{EFBIG};
    }
  }
  return Ok();
}

void SingleFileFs::ApplyAttributes(const fuse::SetAttrArgs& args) {
  const timespec now = Now();
  const auto resolve = [&now](const timespec& t) { return t.tv_nsec == UTIME_NOW ? now : t; };
  const std::lock_guard lock(attr_mutex_);
  // The kernel leaves it to us, and says nothing about it when the owner changes.
  if (args.kill_suidgid || args.uid.has_value() || args.gid.has_value()) {
    mode_ = WithoutPrivileges(mode_);
  }
  if (args.mode.has_value()) {
    mode_ = S_IFREG | (*args.mode & kPermissionBits);
  }
  uid_ = args.uid.value_or(uid_);
  gid_ = args.gid.value_or(gid_);
  if (args.atime.has_value()) {
    times_.atime = resolve(*args.atime);
  }
  if (args.mtime.has_value()) {
    times_.mtime = resolve(*args.mtime);
  }
  times_.ctime = args.ctime.has_value() ? resolve(*args.ctime) : now;
}

Task<Result<fuse::Attr>> SingleFileFs::SetAttr(const fuse::Caller&, fuse::NodeId,
                                               std::optional<fuse::Handle>,
                                               const fuse::SetAttrArgs& args) {
  CO_TRY(CheckSetAttr(args));
  // A disk of fixed size stays as it is when it is opened with O_TRUNC, as a block device does;
  // else `dd of=disk.img` would have nothing left to write to.
  if (args.size.has_value() && !(args.open_truncate && !options_.growable)) {
    const Result<> resized = co_await Resize(*args.size);
    CO_TRY(resized);
  }
  ApplyAttributes(args);
  const Gate::Pass pass = co_await ref_.gate().Enter();
  fuse::Attr attr = co_await MakeAttr();
  co_return attr;
}

Task<Result<fuse::FsStat>> SingleFileFs::StatFs(const fuse::Caller&, fuse::NodeId) {
  const Gate::Pass pass = co_await ref_.gate().Enter();
  fuse::FsStat stat;
  stat.bsize = kStatFsBlock;
  stat.frsize = kStatFsBlock;
  stat.namelen = 255;
  stat.files = 1;
  stat.blocks = (ref_.size() + kStatFsBlock - 1) / kStatFsBlock;
  if (options_.growable && options_.host_fd >= 0) {
    struct statvfs host{};
    const Result<> looked = co_await AioContext::Current().RunBlocking([this, &host]() -> Result<> {
      if (::fstatvfs(options_.host_fd, &host) != 0) {
        return Errno{errno};
      }
      return Ok();
    });
    CO_TRY(looked);
    stat.bfree = host.f_bfree * host.f_frsize / kStatFsBlock;
    stat.bavail = host.f_bavail * host.f_frsize / kStatFsBlock;
    stat.blocks += stat.bfree;
  }
  co_return stat;
}

// Looks whether somebody else has written the image since the last open.
Task<Result<>> SingleFileFs::CheckForeignChange() {
  if (options_.exclusive || options_.host_fd < 0) {
    co_return Ok();
  }
  struct stat host{};
  const Result<> looked = co_await AioContext::Current().RunBlocking([this, &host]() -> Result<> {
    if (::fstat(options_.host_fd, &host) != 0) {
      return Errno{errno};
    }
    return Ok();
  });
  const std::lock_guard lock(attr_mutex_);
  if (!looked.ok() || !Same(host.st_mtim, image_mtime_)) {
    image_mtime_ = host.st_mtim;
    image_changed_ = true;
  }
  co_return Ok();
}

Task<Result<fuse::Opened>> SingleFileFs::Open(const fuse::Caller&, fuse::NodeId,
                                              const fuse::OpenArgs& args) {
  namespace abi = fuse::abi;
  if (!options_.writable && (args.flags & O_ACCMODE) != O_RDONLY) {
    co_return Errno{EROFS};
  }
  if (args.kill_suidgid) {
    DropPrivileges();
  }
  fuse::Opened opened;
  // A client's own O_DIRECT needs no page cache, and without it writes run in parallel; but with a
  // writeback cache only the kernel knows how long the file is.
  const bool client_direct =
      (args.flags & O_DIRECT) != 0 && options_.cache != ExportCache::kWriteback;
  if (options_.cache == ExportCache::kNone || client_direct) {
    opened.open_flags = abi::kFopenDirectIo | abi::kFopenParallelDirectWrites;
  } else {
    const Result<> looked = co_await CheckForeignChange();
    CO_TRY(looked);
    const std::lock_guard lock(attr_mutex_);
    if (!image_changed_) {
      opened.open_flags = abi::kFopenKeepCache;
    }
    image_changed_ = false;
  }
  if (!options_.writable) {
    opened.open_flags |= abi::kFopenNoFlush;
  }
  const bool writes = (args.flags & O_ACCMODE) != O_RDONLY;
  opened.handle = writes ? kWriter : kReader;
  open_for_writing_.fetch_add(writes ? 1 : 0);
  open_files_.fetch_add(1);
  co_return opened;
}

Task<Result<>> SingleFileFs::Release(const fuse::Caller&, fuse::NodeId, fuse::Handle handle,
                                     std::optional<std::uint64_t>) {
  CountDown(open_files_);
  if (handle == kWriter) {
    CountDown(open_for_writing_);
  }
  return Ok();
}

void SingleFileFs::TouchModified() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  const std::lock_guard lock(attr_mutex_);
  times_.mtime = now;
  times_.ctime = now;
}

// The client's kernel goes on showing the mode it has seen last, unless it is told.
void SingleFileFs::DropPrivileges() {
  {
    const std::lock_guard lock(attr_mutex_);
    const std::uint32_t left = WithoutPrivileges(mode_);
    if (left == mode_) {
      return;
    }
    mode_ = left;
  }
  if (fuse::FuseNotifier* const notifier = notifier_.load()) {
    notifier->InvalidateInode(fuse::NodeId::kRoot, -1, 0);
  }
}

void SingleFileFs::OnWritten(std::uint64_t offset, std::uint64_t length) {
  TouchModified();
  if (fuse::FuseNotifier* const notifier = notifier_.load()) {
    notifier->InvalidateInode(fuse::NodeId::kRoot, static_cast<std::int64_t>(offset),
                              static_cast<std::int64_t>(length));
  }
}

void SingleFileFs::OnResized(std::uint64_t) {
  TouchModified();
  if (fuse::FuseNotifier* const notifier = notifier_.load()) {
    notifier->InvalidateInode(fuse::NodeId::kRoot, 0, 0);
  }
}

}  // namespace fusebay
