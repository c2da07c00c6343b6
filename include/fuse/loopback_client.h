// LoopbackClient: what a kernel's file system would ask of the server of a LoopbackKernel.
//
// Each call waits for the reply on the caller's loop; what it is given must outlive it. Read and
// Write allocate nothing but their frame, so that benches may count.
#pragma once
#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "core/task.h"
#include "fuse/abi.h"
#include "fuse/loopback.h"

namespace fusebay::fuse {

struct LoopbackReply {
  std::int32_t error = 0;  // 0 or -errno
  std::vector<std::byte> data;

  bool ok() const { return error == 0; }
  // The reply as a struct; what is missing is zero.
  template <class T>
  T As() const {
    T object{};
    std::memcpy(&object, data.data(), std::min(sizeof object, data.size()));
    return object;
  }
  std::string text() const { return {reinterpret_cast<const char*>(data.data()), data.size()}; }
};

struct LoopbackDirent {
  std::uint64_t ino = 0;
  std::uint64_t next_offset = 0;
  std::uint32_t type = 0;  // DT_*
  std::string name;
};

class LoopbackClient {
 public:
  static constexpr std::size_t kMaxReply = 64u << 10;  // of Call, where nothing else is said

  explicit LoopbackClient(LoopbackKernel& kernel) : kernel_(kernel) {}

  // Who asks, from now on.
  void SetCaller(std::uint32_t uid, std::uint32_t gid, std::uint32_t pid);
  // Whether reads and writes count as background requests.
  void SetBackground(bool background) { background_ = background; }

  // Any request. `names` as on the wire, with their NULs.
  Task<LoopbackReply> Call(abi::Opcode opcode, std::uint64_t nodeid, ByteSpan args = {},
                           std::string_view names = {}, ByteSpan payload = {},
                           std::size_t max_reply = kMaxReply);

  // Does what a mount does first. With a kernel newer than the protocol it asks twice.
  Task<Result<abi::InitOut>> Init();
  Task<Result<abi::EntryOut>> Lookup(std::uint64_t parent, std::string_view name);
  Task<Result<abi::AttrOut>> GetAttr(std::uint64_t nodeid);
  Task<Result<abi::AttrOut>> SetAttr(std::uint64_t nodeid, abi::SetAttrIn args);
  Task<Result<abi::OpenOut>> Open(std::uint64_t nodeid, std::uint32_t flags);
  Task<Result<abi::OpenOut>> OpenDir(std::uint64_t nodeid);
  // As Linux takes entries: EIO at a name that is empty, longer than 255 bytes or has a '/'; what
  // is left of an entry that does not end is passed over.
  Task<Result<std::vector<LoopbackDirent>>> ReadDir(std::uint64_t nodeid, std::uint64_t handle,
                                                    std::uint64_t offset,
                                                    std::uint32_t size = 4096);
  // At most dst.size() bytes; returns how many.
  Task<Result<std::size_t>> Read(std::uint64_t nodeid, std::uint64_t handle, std::uint64_t offset,
                                 MutableByteSpan dst, std::uint32_t open_flags = 0);
  Task<Result<std::uint32_t>> Write(std::uint64_t nodeid, std::uint64_t handle,
                                    std::uint64_t offset, ByteSpan src,
                                    std::uint32_t write_flags = 0);
  Task<Result<>> Fallocate(std::uint64_t nodeid, std::uint64_t handle, std::uint32_t mode,
                           std::uint64_t offset, std::uint64_t length);
  Task<Result<std::uint64_t>> Lseek(std::uint64_t nodeid, std::uint64_t handle,
                                    std::uint64_t offset, std::uint32_t whence);
  Task<Result<>> Fsync(std::uint64_t nodeid, std::uint64_t handle, bool data_only);
  Task<Result<>> Flush(std::uint64_t nodeid, std::uint64_t handle, std::uint64_t lock_owner = 0);
  Task<Result<>> Release(std::uint64_t nodeid, std::uint64_t handle);
  Task<Result<abi::StatFsOut>> StatFs(std::uint64_t nodeid = 1);
  Task<Result<>> Destroy();

  void Forget(std::uint64_t nodeid, std::uint64_t lookups = 1) { kernel_.Forget(nodeid, lookups); }
  void Interrupt(std::uint64_t unique) { kernel_.Interrupt(unique); }

 private:
  void Prepare(LoopbackCall& call, abi::Opcode opcode, std::uint64_t nodeid) const;
  Task<LoopbackReply> SendInit(std::uint32_t major);

  LoopbackKernel& kernel_;
  std::uint32_t uid_ = 0;
  std::uint32_t gid_ = 0;
  std::uint32_t pid_ = 1;
  bool background_ = false;
};

}  // namespace fusebay::fuse
