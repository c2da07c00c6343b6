// The requests of a loopback client.
#include "fuse/loopback_client.h"

#include <cerrno>

namespace fusebay::fuse {

namespace {

// The arguments as a kernel of protocol `minor` sends them: short ones before `since`.
template <class T>
ByteSpan Aged(const T& args, std::uint32_t minor, std::uint32_t since, std::size_t compat_bytes) {
  return BytesOf(args).first(minor < since ? compat_bytes : sizeof args);
}

std::size_t InitArgsSize(std::uint32_t minor) {
  // An INIT of an old kernel ends where its protocol ended.
  return minor < 6    ? abi::kInitInVersionBytes
         : minor < 36 ? abi::kInitInShortBytes
                      : sizeof(abi::InitIn);
}

template <class T>
Result<T> Parsed(const LoopbackReply& reply) {
  if (!reply.ok()) {
    return Errno(-reply.error);
  }
  return reply.As<T>();
}

Result<> Done(const LoopbackReply& reply) {
  if (!reply.ok()) {
    return Errno(-reply.error);
  }
  return Ok();
}

Result<std::vector<LoopbackDirent>> ParseDirents(ByteSpan rest) {
  std::vector<LoopbackDirent> entries;
  while (rest.size() >= sizeof(abi::Dirent)) {
    abi::Dirent entry;
    std::memcpy(&entry, rest.data(), sizeof entry);
    if (entry.namelen == 0 || entry.namelen > abi::kMaxName) {
      return Errno{EIO};
    }
    const std::size_t size = abi::AlignRecord(sizeof entry + entry.namelen);
    if (size > rest.size()) {
      break;
    }
    std::string name(reinterpret_cast<const char*>(rest.data() + sizeof entry), entry.namelen);
    if (name.find('/') != std::string::npos) {
      return Errno{EIO};
    }
    entries.push_back({entry.ino, entry.next_offset, entry.type, std::move(name)});
    rest = rest.subspan(size);
  }
  return entries;
}

// A name of a coroutine's own, since a string_view has no NUL.
std::string WithEnd(std::string_view name) {
  std::string text(name);
  text.push_back('\0');
  return text;
}

}  // namespace

void LoopbackClient::SetCaller(std::uint32_t uid, std::uint32_t gid, std::uint32_t pid) {
  uid_ = uid;
  gid_ = gid;
  pid_ = pid;
}

void LoopbackClient::Prepare(LoopbackCall& call, abi::Opcode opcode, std::uint64_t nodeid) const {
  call.opcode = static_cast<std::uint32_t>(opcode);
  call.nodeid = nodeid;
  call.uid = uid_;
  call.gid = gid_;
  call.pid = pid_;
}

Task<LoopbackReply> LoopbackClient::Call(abi::Opcode opcode, std::uint64_t nodeid, ByteSpan args,
                                         std::string_view names, ByteSpan payload,
                                         std::size_t max_reply) {
  LoopbackReply reply;
  reply.data.resize(max_reply);
  LoopbackCall call;
  Prepare(call, opcode, nodeid);
  call.in = {args, std::as_bytes(std::span(names)), payload};
  call.out = reply.data;
  co_await kernel_.Send(call);
  reply.error = call.error;
  reply.data.resize(call.out_size);
  co_return reply;
}

Task<LoopbackReply> LoopbackClient::SendInit(std::uint32_t major) {
  const LoopbackOptions& options = kernel_.options();
  abi::InitIn args{};
  args.major = major;
  args.minor = options.minor;
  args.max_readahead = options.max_readahead;
  args.flags = static_cast<std::uint32_t>(options.flags);
  if ((options.flags & abi::kInitExt) != 0) {
    args.flags2 = static_cast<std::uint32_t>(options.flags >> 32);
  }
  const ByteSpan bytes = BytesOf(args).first(InitArgsSize(options.minor));
  LoopbackReply reply = co_await Call(abi::Opcode::kInit, 0, bytes, {}, {}, sizeof(abi::InitOut));
  co_return reply;
}

Task<Result<abi::InitOut>> LoopbackClient::Init() {
  const std::uint32_t major = kernel_.options().major;
  LoopbackReply reply = co_await SendInit(major);
  if (major > abi::kMajor && reply.ok() && reply.As<abi::InitOut>().major == abi::kMajor) {
    reply = co_await SendInit(abi::kMajor);
  }
  co_return Parsed<abi::InitOut>(reply);
}

Task<Result<abi::EntryOut>> LoopbackClient::Lookup(std::uint64_t parent, std::string_view name) {
  const std::string wire = WithEnd(name);
  const LoopbackReply reply = co_await Call(abi::Opcode::kLookup, parent, {}, wire);
  co_return Parsed<abi::EntryOut>(reply);
}

Task<Result<abi::AttrOut>> LoopbackClient::GetAttr(std::uint64_t nodeid) {
  const abi::GetAttrIn args{};
  const ByteSpan bytes = Aged(args, kernel_.options().minor, 9, 0);
  const LoopbackReply reply = co_await Call(abi::Opcode::kGetAttr, nodeid, bytes);
  co_return Parsed<abi::AttrOut>(reply);
}

Task<Result<abi::AttrOut>> LoopbackClient::SetAttr(std::uint64_t nodeid, abi::SetAttrIn args) {
  const LoopbackReply reply = co_await Call(abi::Opcode::kSetAttr, nodeid, BytesOf(args));
  co_return Parsed<abi::AttrOut>(reply);
}

Task<Result<abi::OpenOut>> LoopbackClient::Open(std::uint64_t nodeid, std::uint32_t flags) {
  const abi::OpenIn args{flags, 0};
  const LoopbackReply reply = co_await Call(abi::Opcode::kOpen, nodeid, BytesOf(args));
  co_return Parsed<abi::OpenOut>(reply);
}

Task<Result<abi::OpenOut>> LoopbackClient::OpenDir(std::uint64_t nodeid) {
  const abi::OpenIn args{};
  const LoopbackReply reply = co_await Call(abi::Opcode::kOpenDir, nodeid, BytesOf(args));
  co_return Parsed<abi::OpenOut>(reply);
}

Task<Result<std::vector<LoopbackDirent>>> LoopbackClient::ReadDir(std::uint64_t nodeid,
                                                                  std::uint64_t handle,
                                                                  std::uint64_t offset,
                                                                  std::uint32_t size) {
  abi::ReadIn args{};
  args.handle = handle;
  args.offset = offset;
  args.size = size;
  const ByteSpan bytes = Aged(args, kernel_.options().minor, 9, abi::kReadInCompatBytes);
  const LoopbackReply reply = co_await Call(abi::Opcode::kReadDir, nodeid, bytes, {}, {}, size);
  if (!reply.ok()) {
    co_return Errno{-reply.error};
  }
  co_return ParseDirents(reply.data);
}

Task<Result<std::size_t>> LoopbackClient::Read(std::uint64_t nodeid, std::uint64_t handle,
                                               std::uint64_t offset, MutableByteSpan dst,
                                               std::uint32_t open_flags) {
  abi::ReadIn args{};
  args.handle = handle;
  args.offset = offset;
  args.size = static_cast<std::uint32_t>(dst.size());
  args.flags = open_flags;
  LoopbackCall call;
  Prepare(call, abi::Opcode::kRead, nodeid);
  call.in[0] = Aged(args, kernel_.options().minor, 9, abi::kReadInCompatBytes);
  call.out = dst;
  call.background = background_;
  co_await kernel_.Send(call);
  if (call.error != 0) {
    co_return Errno(-call.error);
  }
  co_return call.out_size;
}

Task<Result<std::uint32_t>> LoopbackClient::Write(std::uint64_t nodeid, std::uint64_t handle,
                                                  std::uint64_t offset, ByteSpan src,
                                                  std::uint32_t write_flags) {
  abi::WriteIn args{};
  args.handle = handle;
  args.offset = offset;
  args.size = static_cast<std::uint32_t>(src.size());
  args.write_flags = write_flags;
  abi::WriteOut written{};
  LoopbackCall call;
  Prepare(call, abi::Opcode::kWrite, nodeid);
  call.in[0] = Aged(args, kernel_.options().minor, 9, abi::kWriteInCompatBytes);
  call.in[2] = src;
  call.out = std::as_writable_bytes(std::span(&written, 1));
  call.variable_reply = false;
  call.background = background_;
  co_await kernel_.Send(call);
  if (call.error != 0) {
    co_return Errno(-call.error);
  }
  co_return written.size;
}

Task<Result<>> LoopbackClient::Fallocate(std::uint64_t nodeid, std::uint64_t handle,
                                         std::uint32_t mode, std::uint64_t offset,
                                         std::uint64_t length) {
  const abi::FallocateIn args{handle, offset, length, mode, 0};
  const LoopbackReply reply = co_await Call(abi::Opcode::kFallocate, nodeid, BytesOf(args));
  co_return Done(reply);
}

Task<Result<std::uint64_t>> LoopbackClient::Lseek(std::uint64_t nodeid, std::uint64_t handle,
                                                  std::uint64_t offset, std::uint32_t whence) {
  const abi::LseekIn args{handle, offset, whence, 0};
  const LoopbackReply reply = co_await Call(abi::Opcode::kLseek, nodeid, BytesOf(args));
  if (!reply.ok()) {
    co_return Errno(-reply.error);
  }
  co_return reply.As<abi::LseekOut>().offset;
}

Task<Result<>> LoopbackClient::Fsync(std::uint64_t nodeid, std::uint64_t handle, bool data_only) {
  const abi::FsyncIn args{handle, data_only ? abi::kFsyncDataOnly : 0, 0};
  const LoopbackReply reply = co_await Call(abi::Opcode::kFsync, nodeid, BytesOf(args));
  co_return Done(reply);
}

Task<Result<>> LoopbackClient::Flush(std::uint64_t nodeid, std::uint64_t handle,
                                     std::uint64_t lock_owner) {
  const abi::FlushIn args{handle, 0, 0, lock_owner};
  const ByteSpan bytes = Aged(args, kernel_.options().minor, 7, abi::kFlushInCompatBytes);
  const LoopbackReply reply = co_await Call(abi::Opcode::kFlush, nodeid, bytes);
  co_return Done(reply);
}

Task<Result<>> LoopbackClient::Release(std::uint64_t nodeid, std::uint64_t handle) {
  const abi::ReleaseIn args{handle, 0, 0, 0};
  const ByteSpan bytes = Aged(args, kernel_.options().minor, 8, abi::kReleaseInCompatBytes);
  const LoopbackReply reply = co_await Call(abi::Opcode::kRelease, nodeid, bytes);
  co_return Done(reply);
}

Task<Result<abi::StatFsOut>> LoopbackClient::StatFs(std::uint64_t nodeid) {
  const LoopbackReply reply = co_await Call(abi::Opcode::kStatFs, nodeid);
  co_return Parsed<abi::StatFsOut>(reply);
}

Task<Result<>> LoopbackClient::Destroy() {
  const LoopbackReply reply = co_await Call(abi::Opcode::kDestroy, 0);
  co_return Done(reply);
}

}  // namespace fusebay::fuse
