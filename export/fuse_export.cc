// FuseExport: mounts a SingleFileFs over a regular file and serves it on the data loops.
#include "export/fuse_export.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "base/fd.h"
#include "core/log.h"
#include "core/scope.h"
#include "export/client_cache.h"
#include "export/mountpoint.h"
#include "export/single_file_fs.h"
#include "fuse/dev_transport.h"

namespace fusebay {

namespace {

// The mountpoint is no path that this process could look at: another mount namespace, or a
// descriptor ("/dev/fd/N") that somebody else has mounted.
bool IsMountedElsewhere(const FuseExportOptions& options) {
  return options.mount_namespace_pid != 0 || options.mountpoint.starts_with("/dev/fd/");
}

std::string FusermountOf(const FuseExportOptions& options) {
  return options.fusermount.empty() ? std::string("fusermount3") : options.fusermount;
}

// Clients that have cached more than can be written in this time had better sync it themselves.
constexpr std::chrono::seconds kWriteBackLimit{60};

// The largest request. More would cost programs that touch a mapped file here and there, for each
// of whose page faults the kernel reads as much.
constexpr std::uint32_t kReadAheadBytes = 1u << 20;

// How long the kernel is asked for the size that it has not taken.
constexpr std::chrono::seconds kShowLimit{1};

// Looks until the kernel has the size that it is told. It takes none from a GETATTR that a write or
// a notification has overtaken: stat(2) says it all the same, but reads end at the old one, which
// is 0 at first. Blocks.
Result<> ShowSizeAt(const std::string& path) {
  const Clock::time_point end = Clock::now() + kShowLimit;
  struct stat told{};
  struct statx own{};  // without asking the server
  do {
    if (::stat(path.c_str(), &told) != 0 ||
        ::statx(AT_FDCWD, path.c_str(), AT_STATX_DONT_SYNC, STATX_SIZE, &own) != 0) {
      return Errno{errno};
    }
  } while (own.stx_size != static_cast<std::uint64_t>(told.st_size) && Clock::now() < end);
  return Ok();
}

// Only root may; for others the file is as the kernel makes it. REQUIRES: a client has been
// answered, so INIT has been, too.
void RaiseReadAhead(const std::optional<fuse::MountEntry>& entry) {
  if (entry.has_value()) {
    const Result<> raised = fuse::SetReadAhead(*entry, kReadAheadBytes);
    static_cast<void>(raised);
  }
}

PermissionSet PermissionsFor(const FuseExportOptions& options) {
  PermissionSet permissions{.used = kPermConsistentRead, .shared = kPermAll};
  if (options.writable) {
    permissions.used |= kPermWrite | kPermResize;
  }
  if (options.cache == ExportCache::kWriteback) {
    permissions.shared = 0;  // the kernel owns size and times: no second export, no resize
  }
  return permissions;
}

}  // namespace

class FuseExport final : public Export {
 public:
  FuseExport(FuseExports& exports, const FuseExportOptions& options, UniqueFd host,
             std::span<AioContext* const> loops)
      : Export(options.id),
        exports_(exports),
        options_(options),
        host_(std::move(host)),
        loops_(loops.begin(), loops.end()) {}

  std::string_view type() const override { return "fuse"; }
  bool in_use() const override { return fs_.has_value() && fs_->open_files() != 0; }
  Task<Result<Unit, Error>> Start() override;
  Task<Result<>> Stop() override;

 private:
  Task<Result<Unit, Error>> ClaimMountpoint();
  Task<Result<Unit, Error>> TakeNode(bool allow_other);
  Task<Result<Unit, Error>> Mount(bool allow_other);
  Task<Unit> ReleaseNode();
  Task<Unit> ServeChannel(fuse::FuseChannel& channel);
  Task<Unit> ShowSize();
  Task<Result<Unit, Error>> ShowSizeAndTimes();
  Task<Unit> SyncClientCache();
  fuse::DevTransportOptions TransportOptions(bool allow_other) const;
  void ReleaseMountpoint();

  FuseExports& exports_;
  const FuseExportOptions options_;
  const UniqueFd host_;
  const std::vector<AioContext*> loops_;
  std::string resolved_;  // the mountpoint, when it is claimed
  BlockRef ref_;
  std::optional<SingleFileFs> fs_;
  std::unique_ptr<fuse::DevTransport> transport_;
  std::unique_ptr<fuse::FuseServer> server_;
  TaskScope serving_;  // a task per channel, on the control loop
  bool stopping_ = false;
};

Task<Result<Unit, Error>> FuseExports::ClearDeadMounts(const FuseExportOptions& options) const {
  if (IsMountedElsewhere(options)) {
    co_return Unit{};
  }
  Result<Unit, Error> cleared = Unit{};
  const Result<> clearing =
      co_await AioContext::Current().RunBlocking([&options, &cleared]() -> Result<> {
        const Result<std::string, Error> resolved = ResolveMountpoint(options.mountpoint);
        if (resolved.ok()) {
          cleared = fusebay::ClearDeadMounts(options.mountpoint, *resolved, FusermountOf(options));
        }
        return Ok();
      });
  FB_ASSERT(clearing.ok());
  co_return cleared;
}

Result<std::unique_ptr<Export>, Error> FuseExports::Create(const FuseExportOptions& options,
                                                           std::span<AioContext* const> loops) {
  FB_ASSERT(!loops.empty());
  const BlockNode* const node = graph_.Find(options.node_name);
  if (node == nullptr) {
    return Error{Errno{ENOENT},
                 fmt::format("Cannot find device='' nor node-name='{}'", options.node_name)};
  }
  if (options.writable && node->read_only()) {
    return Error{Errno{EROFS}, "Cannot export read-only node as writable"};
  }
  if (options.growable && !options.writable) {
    return Error{Errno{EINVAL}, "A growable export must be writable"};
  }
  if (options.cache == ExportCache::kWriteback) {
    if (!options.writable) {
      return Error{Errno{EINVAL}, "cache=writeback needs a writable export"};
    }
    if (IsMountedElsewhere(options)) {
      return Error{Errno{EINVAL}, "cache=writeback needs a mountpoint in this mount namespace"};
    }
  }
  UniqueFd host;
  if (!options.source.empty()) {
    host = UniqueFd(::open(options.source.c_str(), O_PATH | O_CLOEXEC));
  }
  return std::unique_ptr<Export>(
      std::make_unique<FuseExport>(*this, options, std::move(host), loops));
}

// Settles which file is meant and enters it in the table of this process, before it is looked at:
// a look at a mount of our own would wait for ourselves.
Task<Result<Unit, Error>> FuseExport::ClaimMountpoint() {
  if (IsMountedElsewhere(options_)) {
    co_return Unit{};
  }
  AioContext& control = AioContext::Current();
  Result<std::string, Error> resolved = std::string();
  const Result<> resolving = co_await control.RunBlocking([this, &resolved]() -> Result<> {
    resolved = ResolveMountpoint(options_.mountpoint);
    return Ok();
  });
  FB_ASSERT(resolving.ok());
  if (!resolved.ok()) {
    co_return resolved.error();
  }
  std::vector<std::string>& taken = exports_.mountpoints_;
  if (std::find(taken.begin(), taken.end(), *resolved) != taken.end()) {
    co_return MountpointTaken(options_.mountpoint);
  }
  taken.push_back(*resolved);
  resolved_ = *resolved;
  Result<Unit, Error> prepared = Unit{};
  const Result<> preparing = co_await control.RunBlocking([this, &prepared]() -> Result<> {
    prepared = PrepareMountpoint(options_.mountpoint, resolved_, FusermountOf(options_));
    return Ok();
  });
  FB_ASSERT(preparing.ok());
  co_return prepared;
}

void FuseExport::ReleaseMountpoint() {
  if (!resolved_.empty()) {
    std::erase(exports_.mountpoints_, resolved_);
    resolved_.clear();
  }
}

// Who uses a node changes only while nobody is inside it.
Task<Result<Unit, Error>> FuseExport::TakeNode(bool allow_other) {
  const BlockGraph::Drained drained = co_await exports_.graph_.Drain();
  CO_ASSIGN(ref_, exports_.graph_.Use(options_.node_name, PermissionsFor(options_),
                                      fmt::format("export '{}'", id())));
  ref_.UseOn(loops_);
  const SingleFileOptions file{.writable = options_.writable,
                               .growable = options_.growable,
                               .writethrough = options_.writethrough,
                               .allow_other = allow_other,
                               .cache = options_.cache,
                               .exclusive = options_.writable && ref_.node().locked(),
                               .host_fd = host_.get(),
                               .mountpoint = resolved_.c_str()};
  fs_.emplace(exports_.graph_, ref_, file);
  ref_.SetObserver(&*fs_);
  co_return Unit{};
}

Task<Unit> FuseExport::ReleaseNode() {
  const BlockGraph::Drained drained = co_await exports_.graph_.Drain();
  ref_ = BlockRef();
  co_return Unit{};
}

fuse::DevTransportOptions FuseExport::TransportOptions(bool allow_other) const {
  fuse::DevTransportOptions transport;
  transport.mount.mountpoint = resolved_.empty() ? options_.mountpoint : resolved_;
  transport.mount.fsname = options_.source.empty() ? options_.node_name : options_.source;
  transport.mount.read_only = !options_.writable;
  transport.mount.allow_other = allow_other ? fuse::AllowOther::kOn : fuse::AllowOther::kOff;
  transport.mount.auto_unmount = options_.auto_unmount;
  transport.mount.flags = options_.mount_flags;
  if (options_.mount_namespace_pid != 0) {
    transport.mount.target_mount_namespace = static_cast<pid_t>(options_.mount_namespace_pid);
  }
  if (!options_.fusermount.empty()) {
    transport.mount.fusermount = options_.fusermount;
  }
  return transport;
}

// Takes the node and mounts, or leaves no trace.
Task<Result<Unit, Error>> FuseExport::Mount(bool allow_other) {
  const Result<Unit, Error> taken = co_await TakeNode(allow_other);
  CO_TRY(taken);
  transport_ = std::make_unique<fuse::DevTransport>(TransportOptions(allow_other));
  const Result<Unit, Error> started = co_await transport_->Start(loops_);
  if (!started.ok()) {
    co_await ReleaseNode();
  }
  co_return started;
}

Task<Result<Unit, Error>> FuseExport::Start() {
  const bool allow_other =
      options_.allow_other == OnOffAuto::kOn ||
      (options_.allow_other == OnOffAuto::kAuto && fuse::AllowOtherPermitted());
  const Result<Unit, Error> claimed = co_await ClaimMountpoint();
  if (!claimed.ok()) {
    ReleaseMountpoint();
    co_return claimed.error();
  }
  Result<Unit, Error> mounted = co_await Mount(allow_other);
  // Another mount namespace may have a configuration of its own, and fusermount3 the last word.
  if (!mounted.ok() && allow_other && options_.allow_other == OnOffAuto::kAuto) {
    mounted = co_await Mount(false);
  }
  if (!mounted.ok()) {
    ReleaseMountpoint();
    co_return mounted.error();
  }
  server_ = std::make_unique<fuse::FuseServer>(*fs_, *transport_, fs_->server_options());
  fs_->SetNotifier(&transport_->notifier());
  for (const std::unique_ptr<fuse::FuseChannel>& channel : transport_->channels()) {
    serving_.Spawn(ServeChannel(*channel));
  }
  if (options_.cache == ExportCache::kWriteback) {
    const Result<Unit, Error> shown = co_await ShowSizeAndTimes();
    co_return shown;
  }
  co_await ShowSize();
  co_return Unit{};
}

// The kernel knows no size before the first GETATTR, and takes none from a GETATTR that a write has
// overtaken: a client that maps the file and writes at once would fault. So the first one is ours.
Task<Unit> FuseExport::ShowSize() {
  if (IsMountedElsewhere(options_)) {
    co_return Unit{};
  }
  const Result<> looked = co_await AioContext::Current().RunBlocking([this]() -> Result<> {
    FB_TRY(ShowSizeAt(resolved_));
    RaiseReadAhead(transport_->mount_entry());
    return Ok();
  });
  static_cast<void>(looked);  // not ours to reach, or unmounted already: a client will see
  co_return Unit{};
}

// With a writeback cache the kernel takes a file's size and times from nobody, and this file begins
// as empty and from 1970: a client has to set them.
Task<Result<Unit, Error>> FuseExport::ShowSizeAndTimes() {
  struct stat host{};
  const bool has_times = host_ && ::fstat(host_.get(), &host) == 0;
  const std::uint64_t size = ref_.size();
  const Result<> shown =
      co_await AioContext::Current().RunBlocking([this, size, has_times, &host]() -> Result<> {
        const std::array<timespec, 2> times{host.st_atim, host.st_mtim};
        if (::truncate(resolved_.c_str(), static_cast<off_t>(size)) != 0 ||
            (has_times &&
             ::utimensat(AT_FDCWD, resolved_.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0)) {
          return Errno{errno};
        }
        RaiseReadAhead(transport_->mount_entry());
        return Ok();
      });
  if (shown.ok()) {
    co_return Unit{};
  }
  const Result<> stopped = co_await Stop();
  static_cast<void>(stopped);  // nothing has been written yet
  co_return Error{shown.error(), fmt::format("Failed to set up FUSE session: setting the size: {}",
                                             std::strerror(shown.error().value()))};
}

// Ends when the session does: by Stop, or because somebody has unmounted it.
Task<Unit> FuseExport::ServeChannel(fuse::FuseChannel& channel) {
  co_await RunOn(channel.loop(), server_->ServeChannel(channel));
  if (serving_.running() == 1 && !stopping_) {
    ReportGone();
  }
  co_return Unit{};
}

// The client's kernel may hold written pages that it has not sent yet (mmap, writeback); a lazy
// unmount with files open would leave them behind. An fsync is the quick way, and tells of errors,
// but it needs a path; what it has left or could not reach, the kernel is asked to write and drop.
Task<Unit> FuseExport::SyncClientCache() {
  if (!options_.writable) {
    co_return Unit{};
  }
  Result<> synced = Ok();
  if (transport_->mount_entry().has_value() && !resolved_.empty()) {
    const fuse::MountEntry& entry = *transport_->mount_entry();
    const dev_t device = ::makedev(entry.device_major, entry.device_minor);
    synced = co_await AioContext::Current().RunBlocking([this, device]() -> Result<> {
      return WriteBackClientCache(resolved_, device, kWriteBackLimit);
    });
  }
  if (synced.ok()) {
    synced = co_await transport_->WriteBack(fuse::NodeId::kRoot, kWriteBackLimit);
  }
  const bool over = !synced.ok() && synced.error() == Errno{ENODEV};  // unmounted in the meantime
  if (!synced.ok() && !over) {
    LogWarning(fmt::format("'{}': writing back what clients have cached failed: {}",
                           options_.mountpoint, std::strerror(synced.error().value())));
  }
  co_return Unit{};
}

Task<Result<>> FuseExport::Stop() {
  stopping_ = true;
  if (!gone()) {
    co_await SyncClientCache();
  }
  fs_->SetNotifier(nullptr);
  co_await transport_->Stop();
  co_await serving_.Join();
  const Result<> flushed = options_.writable ? co_await ref_.Flush(FlushMode::kDisk) : Ok();
  co_await ReleaseNode();
  ReleaseMountpoint();
  co_return flushed;
}

}  // namespace fusebay
