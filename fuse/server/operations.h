// The operations of FUSE: which handler serves an opcode, and what its request must look like.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "core/task.h"
#include "fuse/abi.h"
#include "fuse/server/args.h"

namespace fusebay::fuse {

class Request;

struct Operation {
  enum class Tail : std::uint8_t {
    kNone,   // nothing comes after arguments and names
    kBulk,   // data
    kLoose,  // whatever: later versions say more
  };

  std::string_view name;
  Task<Unit> (*serve)(Request& request) = nullptr;  // null: there is no such operation
  std::uint16_t args = 0;                           // bytes of fixed arguments
  std::uint16_t old_args = 0;                       // from clients before 7.`old_before`
  std::uint8_t old_before = 0;
  std::array<NameRule, 2> names{NameRule::kNone, NameRule::kNone};
  Tail tail = Tail::kNone;
  bool answered = true;
};

// Null when there is no such operation.
const Operation* FindOperation(std::uint32_t opcode);

// The handlers, in the order of the files they are in.
Task<Unit> ServeInit(Request& request);
Task<Unit> ServeDestroy(Request& request);

Task<Unit> ServeLookup(Request& request);
Task<Unit> ServeForget(Request& request);
Task<Unit> ServeBatchForget(Request& request);
Task<Unit> ServeGetAttr(Request& request);
Task<Unit> ServeStatx(Request& request);
Task<Unit> ServeSetAttr(Request& request);
Task<Unit> ServeAccess(Request& request);
Task<Unit> ServeStatFs(Request& request);
Task<Unit> ServeReadLink(Request& request);
Task<Unit> ServeSyncFs(Request& request);
Task<Unit> ServeBmap(Request& request);

Task<Unit> ServeOpen(Request& request);
Task<Unit> ServeRelease(Request& request);
Task<Unit> ServeRead(Request& request);
Task<Unit> ServeWrite(Request& request);
Task<Unit> ServeFlush(Request& request);
Task<Unit> ServeFsync(Request& request);
Task<Unit> ServeFallocate(Request& request);
Task<Unit> ServeLseek(Request& request);
Task<Unit> ServeCopyFileRange(Request& request);
Task<Unit> ServeIoctl(Request& request);
Task<Unit> ServePoll(Request& request);
Task<Unit> ServeNotifyReply(Request& request);

Task<Unit> ServeMknod(Request& request);
Task<Unit> ServeMkdir(Request& request);
Task<Unit> ServeSymlink(Request& request);
Task<Unit> ServeCreate(Request& request);
Task<Unit> ServeTmpFile(Request& request);
Task<Unit> ServeLink(Request& request);
Task<Unit> ServeUnlink(Request& request);
Task<Unit> ServeRmdir(Request& request);
Task<Unit> ServeRename(Request& request);
Task<Unit> ServeRename2(Request& request);
Task<Unit> ServeOpenDir(Request& request);
Task<Unit> ServeReadDir(Request& request);
Task<Unit> ServeReadDirPlus(Request& request);
Task<Unit> ServeReleaseDir(Request& request);
Task<Unit> ServeFsyncDir(Request& request);

Task<Unit> ServeSetXattr(Request& request);
Task<Unit> ServeGetXattr(Request& request);
Task<Unit> ServeListXattr(Request& request);
Task<Unit> ServeRemoveXattr(Request& request);

Task<Unit> ServeGetLock(Request& request);
Task<Unit> ServeSetLock(Request& request);
Task<Unit> ServeInterrupt(Request& request);

Task<Unit> ServeSetupMapping(Request& request);
Task<Unit> ServeRemoveMapping(Request& request);

}  // namespace fusebay::fuse
