// A filesystem that writes down what it is asked and answers as it is told.
#include "scripted_fs.h"

#include <dirent.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace fusebay::fuse::test {
namespace {

template <class T>
std::string Optional(const std::optional<T>& value) {
  return value ? std::to_string(static_cast<std::uint64_t>(*value)) : "-";
}

std::string Time(const std::optional<timespec>& time) {
  if (!time) {
    return "-";
  }
  return time->tv_nsec == UTIME_NOW ? "now" : fmt::format("{}.{}", time->tv_sec, time->tv_nsec);
}

std::string Text(const IoVec& vec) {
  std::string text(vec.size, '\0');
  vec.CopyTo(reinterpret_cast<std::byte*>(text.data()));
  return text;
}

std::uint64_t N(NodeId node) { return static_cast<std::uint64_t>(node); }
std::uint64_t H(Handle handle) { return static_cast<std::uint64_t>(handle); }

std::string Made(const DirOps::MakeArgs& args) {
  return fmt::format("mode={:o} umask={:o} rdev={} target={}{}", args.mode, args.umask, args.rdev,
                     args.link_target, args.kill_suidgid ? " kill" : "");
}

std::string Locked(const XattrLockOps::LockArgs& args) {
  return fmt::format("owner={} {}-{} type={} pid={}{}{}", args.owner, args.lock.start,
                     args.lock.end, args.lock.type, args.lock.pid, args.flock ? " flock" : "",
                     args.wait ? " wait" : "");
}

}  // namespace

std::string ScriptedFs::TakeLog() { return std::exchange(log, {}); }

void ScriptedFs::LetGo() {
  for (const Waiter& waiter : std::exchange(waiters_, {})) {
    waiter.loop->Post([event = waiter.event] { event->Set(); });
  }
}

template <class T>
Task<Result<T>> ScriptedFs::Answer(const T& value) const {
  return error != 0 ? Result<T>(Errno{error}) : Result<T>(value);
}

Task<Result<std::uint32_t>> ScriptedFs::GiveData(IoVec dst) const {
  if (error != 0) {
    return Result<std::uint32_t>(Errno{error});
  }
  const std::size_t size = std::min(dst.size, data.size());
  dst.First(size).CopyFrom(reinterpret_cast<const std::byte*>(data.data()));
  return Result<std::uint32_t>(static_cast<std::uint32_t>(size));
}

Task<Result<>> ScriptedFs::Wait(const Caller& caller) {
  if (caller.cancel->cancelled()) {
    co_return Errno{EINTR};
  }
  CoEvent event;
  const CancelToken::Callback on_cancel(
      *caller.cancel, [](void* waited_for) { static_cast<CoEvent*>(waited_for)->Set(); }, &event);
  waiters_.push_back({&event, &AioContext::Current()});
  co_await event.Wait();
  std::erase_if(waiters_, [&event](const Waiter& waiter) { return waiter.event == &event; });
  co_return caller.cancel->cancelled() ? Result<>(Errno{EINTR}) : Ok();
}

Task<Result<std::uint32_t>> ScriptedFs::WaitAndRead(const Caller& caller, IoVec dst) {
  const Result<> waited = co_await Wait(caller);
  CO_TRY(waited);
  const Result<std::uint32_t> read = co_await GiveData(dst);
  co_return read;
}

Task<Result<Entry>> ScriptedFs::Lookup(const Caller& caller, NodeId node, std::string_view name) {
  log += fmt::format("Lookup {} '{}' by {}/{}/{}\n", N(node), name, caller.uid, caller.gid,
                     caller.pid);
  return Answer(entry);
}

void ScriptedFs::Forget(NodeId node, std::uint64_t count) {
  log += fmt::format("Forget {} {}\n", N(node), count);
}

Task<Result<Attr>> ScriptedFs::GetAttr(const Caller&, NodeId node, std::optional<Handle> handle) {
  log += fmt::format("GetAttr {} {}\n", N(node), Optional(handle));
  return Answer(attr);
}

Task<Result<Attr>> ScriptedFs::SetAttr(const Caller&, NodeId node, std::optional<Handle> handle,
                                       const SetAttrArgs& args) {
  log += fmt::format(
      "SetAttr {} {} mode={} uid={} gid={} size={} atime={} mtime={} ctime={} owner={}{}{}\n",
      N(node), Optional(handle), Optional(args.mode), Optional(args.uid), Optional(args.gid),
      Optional(args.size), Time(args.atime), Time(args.mtime), Time(args.ctime),
      Optional(args.lock_owner), args.kill_suidgid ? " kill" : "",
      args.open_truncate ? " open" : "");
  return Answer(attr);
}

Task<Result<>> ScriptedFs::Access(const Caller&, NodeId node, std::uint32_t mask) {
  log += fmt::format("Access {} {}\n", N(node), mask);
  return Answer(Unit{});
}

Task<Result<FsStat>> ScriptedFs::StatFs(const Caller&, NodeId node) {
  log += fmt::format("StatFs {}\n", N(node));
  return Answer(stat);
}

Task<Result<std::uint32_t>> ScriptedFs::ReadLink(const Caller&, NodeId node, IoVec dst) {
  log += fmt::format("ReadLink {} room={}\n", N(node), dst.size);
  return GiveData(dst);
}

Task<Result<>> ScriptedFs::SyncFs(const Caller&, NodeId node) {
  log += fmt::format("SyncFs {}\n", N(node));
  return Answer(Unit{});
}

Task<Result<std::uint64_t>> ScriptedFs::Bmap(const Caller&, NodeId node, std::uint64_t block,
                                             std::uint32_t blocksize) {
  log += fmt::format("Bmap {} {} {}\n", N(node), block, blocksize);
  return Answer(number);
}

Task<Result<Opened>> ScriptedFs::Open(const Caller&, NodeId node, const OpenArgs& args) {
  log +=
      fmt::format("Open {} flags={:x}{}\n", N(node), args.flags, args.kill_suidgid ? " kill" : "");
  return Answer(opened);
}

Task<Result<>> ScriptedFs::Release(const Caller&, NodeId node, Handle handle,
                                   std::optional<std::uint64_t> owner) {
  log += fmt::format("Release {} {} owner={}\n", N(node), H(handle), Optional(owner));
  return Answer(Unit{});
}

Task<Result<std::uint32_t>> ScriptedFs::Read(const Caller& caller, NodeId node, Handle handle,
                                             const ReadArgs& args, IoVec dst) {
  ++reads;
  if (!quiet) {
    log += fmt::format("Read {} {} offset={} size={} flags={:x} owner={}\n", N(node), H(handle),
                       args.offset, dst.size, args.open_flags, Optional(args.lock_owner));
  }
  return waiting ? WaitAndRead(caller, dst) : GiveData(dst);
}

Task<Result<std::uint32_t>> ScriptedFs::Write(const Caller&, NodeId node, Handle handle,
                                              const WriteArgs& args, IoVec src) {
  if (!quiet) {
    log += fmt::format("Write {} {} offset={} '{}' flags={:x} owner={}{}{}\n", N(node), H(handle),
                       args.offset, Text(src), args.open_flags, Optional(args.lock_owner),
                       args.from_page_cache ? " cache" : "", args.kill_suidgid ? " kill" : "");
  }
  return Answer(static_cast<std::uint32_t>(src.size));
}

Task<Result<>> ScriptedFs::Flush(const Caller&, NodeId node, Handle handle, std::uint64_t owner) {
  log += fmt::format("Flush {} {} owner={}\n", N(node), H(handle), owner);
  return Answer(Unit{});
}

Task<Result<>> ScriptedFs::Fsync(const Caller&, NodeId node, Handle handle, bool data_only) {
  log += fmt::format("Fsync {} {} {}\n", N(node), H(handle), data_only ? "data" : "all");
  return Answer(Unit{});
}

Task<Result<>> ScriptedFs::Fallocate(const Caller&, NodeId node, Handle handle, std::uint32_t mode,
                                     std::uint64_t offset, std::uint64_t length) {
  log += fmt::format("Fallocate {} {} mode={} {}+{}\n", N(node), H(handle), mode, offset, length);
  return Answer(Unit{});
}

Task<Result<std::uint64_t>> ScriptedFs::Lseek(const Caller&, NodeId node, Handle handle,
                                              std::uint64_t offset, std::uint32_t whence) {
  log += fmt::format("Lseek {} {} {} {}\n", N(node), H(handle), offset, whence);
  return Answer(number);
}

Task<Result<std::uint64_t>> ScriptedFs::CopyFileRange(const Caller&, const CopyArgs& args) {
  log += fmt::format("CopyFileRange {}/{}@{} -> {}/{}@{} length={} flags={}\n", N(args.node_in),
                     H(args.handle_in), args.offset_in, N(args.node_out), H(args.handle_out),
                     args.offset_out, args.length, args.flags);
  return Answer(number);
}

Task<Result<IoctlResult>> ScriptedFs::Ioctl(const Caller&, NodeId node, Handle handle,
                                            const IoctlArgs& args, IoVec src, IoVec dst) {
  log += fmt::format("Ioctl {} {} flags={} command={} arg={} '{}' room={}\n", N(node), H(handle),
                     args.flags, args.command, args.arg, Text(src), dst.size);
  if (src.size == 0 && dst.size == 0) {
    return Answer(IoctlResult{.retry_in = retry_in, .retry_out = retry_out});
  }
  const std::size_t size = std::min(dst.size, data.size());
  dst.First(size).CopyFrom(reinterpret_cast<const std::byte*>(data.data()));
  return Answer(IoctlResult{.result = static_cast<std::int32_t>(number),
                            .out_size = static_cast<std::uint32_t>(size)});
}

Task<Result<std::uint32_t>> ScriptedFs::Poll(const Caller&, NodeId node, Handle handle,
                                             std::uint32_t events,
                                             std::optional<std::uint64_t> kernel_handle) {
  log += fmt::format("Poll {} {} events={:x} notify={}\n", N(node), H(handle), events,
                     Optional(kernel_handle));
  return Answer(static_cast<std::uint32_t>(number));
}

Task<Result<Entry>> ScriptedFs::Make(const Caller&, NodeId node, std::string_view name,
                                     const MakeArgs& args) {
  log += fmt::format("Make {} '{}' {}\n", N(node), name, Made(args));
  return Answer(entry);
}

Task<Result<DirOps::Created>> ScriptedFs::Create(const Caller&, NodeId node, std::string_view name,
                                                 const MakeArgs& args, std::uint32_t flags) {
  log += fmt::format("Create {} '{}' {} flags={:x}\n", N(node), name, Made(args), flags);
  return Answer(Created{entry, opened});
}

Task<Result<DirOps::Created>> ScriptedFs::TmpFile(const Caller&, NodeId node, const MakeArgs& args,
                                                  std::uint32_t flags) {
  log += fmt::format("TmpFile {} {} flags={:x}\n", N(node), Made(args), flags);
  return Answer(Created{entry, opened});
}

Task<Result<Entry>> ScriptedFs::Link(const Caller&, NodeId node, NodeId parent,
                                     std::string_view name) {
  log += fmt::format("Link {} as {} '{}'\n", N(node), N(parent), name);
  return Answer(entry);
}

Task<Result<>> ScriptedFs::Remove(const Caller&, NodeId node, std::string_view name,
                                  bool is_directory) {
  log += fmt::format("Remove {} '{}'{}\n", N(node), name, is_directory ? " directory" : "");
  return Answer(Unit{});
}

Task<Result<>> ScriptedFs::Rename(const Caller&, NodeId node, std::string_view name,
                                  NodeId new_parent, std::string_view new_name,
                                  std::uint32_t flags) {
  log += fmt::format("Rename {} '{}' to {} '{}' flags={}\n", N(node), name, N(new_parent), new_name,
                     flags);
  return Answer(Unit{});
}

Task<Result<Opened>> ScriptedFs::OpenDir(const Caller&, NodeId node, std::uint32_t flags) {
  log += fmt::format("OpenDir {} flags={:x}\n", N(node), flags);
  return Answer(opened);
}

Task<Result<>> ScriptedFs::ReadDir(const Caller&, NodeId node, Handle handle, std::uint64_t offset,
                                   bool is_plus, DirSink& sink) {
  log += fmt::format("ReadDir {} {} {}{}\n", N(node), H(handle), offset, is_plus ? " plus" : "");
  for (std::size_t i = offset; i < entries.size(); ++i) {
    const DirEntry dir_entry{
        .ino = 100 + i, .next_offset = i + 1, .type = DT_REG, .name = entries[i]};
    const bool added = is_plus ? sink.AddPlus(dir_entry, entry) : sink.Add(dir_entry);
    if (!added) {
      break;
    }
    looked_up += is_plus ? 1 : 0;
  }
  return Answer(Unit{});
}

Task<Result<>> ScriptedFs::ReleaseDir(const Caller&, NodeId node, Handle handle) {
  log += fmt::format("ReleaseDir {} {}\n", N(node), H(handle));
  return Answer(Unit{});
}

Task<Result<>> ScriptedFs::FsyncDir(const Caller&, NodeId node, Handle handle, bool data_only) {
  log += fmt::format("FsyncDir {} {} {}\n", N(node), H(handle), data_only ? "data" : "all");
  return Answer(Unit{});
}

Task<Result<>> ScriptedFs::SetXattr(const Caller&, NodeId node, std::string_view name, IoVec value,
                                    std::uint32_t flags, std::uint32_t setxattr_flags) {
  log += fmt::format("SetXattr {} '{}' '{}' {} {}\n", N(node), name, Text(value), flags,
                     setxattr_flags);
  return Answer(Unit{});
}

Task<Result<std::uint32_t>> ScriptedFs::GetXattr(const Caller&, NodeId node, std::string_view name,
                                                 IoVec dst) {
  log += fmt::format("GetXattr {} '{}' room={}\n", N(node), name, dst.size);
  if (dst.size != 0 && dst.size < data.size()) {
    return Result<std::uint32_t>(Errno{ERANGE});
  }
  return dst.size == 0 ? Answer(static_cast<std::uint32_t>(data.size())) : GiveData(dst);
}

Task<Result<std::uint32_t>> ScriptedFs::ListXattr(const Caller&, NodeId node, IoVec dst) {
  log += fmt::format("ListXattr {} room={}\n", N(node), dst.size);
  return dst.size == 0 ? Answer(static_cast<std::uint32_t>(data.size())) : GiveData(dst);
}

Task<Result<>> ScriptedFs::RemoveXattr(const Caller&, NodeId node, std::string_view name) {
  log += fmt::format("RemoveXattr {} '{}'\n", N(node), name);
  return Answer(Unit{});
}

Task<Result<FileLock>> ScriptedFs::GetLock(const Caller&, NodeId node, Handle handle,
                                           const LockArgs& args) {
  log += fmt::format("GetLock {} {} {}\n", N(node), H(handle), Locked(args));
  return Answer(lock);
}

Task<Result<>> ScriptedFs::SetLock(const Caller& caller, NodeId node, Handle handle,
                                   const LockArgs& args) {
  log += fmt::format("SetLock {} {} {}\n", N(node), H(handle), Locked(args));
  return args.wait ? Wait(caller) : Answer(Unit{});
}

Task<Result<>> ScriptedFs::SetupMapping(const Caller&, NodeId node, const SetupArgs& args) {
  log += fmt::format("SetupMapping {} {} {}+{} flags={} at {}\n", N(node), H(args.handle),
                     args.file_offset, args.length, args.flags, args.window_offset);
  return Answer(Unit{});
}

Task<Result<>> ScriptedFs::RemoveMapping(const Caller&, NodeId node, std::uint64_t window_offset,
                                         std::uint64_t length) {
  log += fmt::format("RemoveMapping {} {}+{}\n", N(node), window_offset, length);
  return Answer(Unit{});
}

void ScriptedFs::Init(const Negotiated& negotiated) {
  log += fmt::format("Init 7.{}\n", negotiated.minor);
}

void ScriptedFs::Destroy() { log += "Destroy\n"; }

}  // namespace fusebay::fuse::test
