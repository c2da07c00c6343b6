// Serves the requests about file locks, and INTERRUPT. A lock that may wait is parked: its slot
// serves others meanwhile, and the reply leaves later through the channel that read it.
#include <fcntl.h>

#include <optional>

#include "fuse/server/operations.h"
#include "fuse/server/request.h"
#include "fuse/server/state.h"

namespace fusebay::fuse {
namespace {

XattrLockOps::LockArgs DecodeLock(const abi::LockIn& in) {
  return {.owner = in.owner,
          .lock = {.start = in.lock.start,
                   .end = in.lock.end,
                   .type = in.lock.type,
                   .pid = in.lock.pid},
          .flock = (in.lock_flags & abi::kLockFlock) != 0,
          .wait = false};
}

bool IsLockType(std::uint32_t type) {
  return type == F_RDLCK || type == F_WRLCK || type == F_UNLCK;
}

Task<Unit> WaitForLock(Session& session, Parked& parked) {
  FuseChannel& channel = parked.channel.load()->channel;
  const Result<> locked =
      co_await session.fs.SetLock(parked.caller, parked.node, parked.handle, parked.lock);
  const std::int32_t error = locked.ok() ? 0 : ReplyError(locked.error());
  // The client may have given up meanwhile: it knows then, and there is nobody to tell.
  static_cast<void>(channel.Reply(parked.unique, error, {}));
  if (session.hook != nullptr) {
    session.hook->OnReply(static_cast<std::uint32_t>(abi::Opcode::kSetLkw), parked.unique, error);
  }
  session.Unpark(parked);
  co_return Unit{};
}

Unit Park(Request& request, const XattrLockOps::LockArgs& lock) {
  Session& session = request.session();
  ChannelState& channel = request.channel();
  Parked* const parked = session.Park(channel);
  if (parked == nullptr) {
    return request.Fail(Errno{ENOLCK});
  }
  parked->unique = request.header().unique;
  parked->caller = request.caller();
  parked->caller.cancel = &parked->cancel;
  parked->node = request.node();
  parked->handle = static_cast<Handle>(request.Args<abi::LockIn>().handle);
  parked->lock = lock;
  parked->progress.Begin(UniqueKey(parked->unique));
  if (request.slot().cancel.cancelled()) {
    parked->cancel.Cancel();
  }
  request.Leave();
  channel.tasks.Spawn(WaitForLock(session, *parked));
  return Unit{};
}

}  // namespace

Task<Unit> ServeGetLock(Request& request) {
  const auto in = request.Args<abi::LockIn>();
  const XattrLockOps::LockArgs args = DecodeLock(in);
  const Result<FileLock> lock = co_await request.fs().GetLock(request.caller(), request.node(),
                                                              static_cast<Handle>(in.handle), args);
  if (!lock.ok()) {
    co_return request.Fail(lock.error());
  }
  const abi::LockOut out{
      .lock = {.start = lock->start, .end = lock->end, .type = lock->type, .pid = lock->pid}};
  co_return request.Reply(out);
}

Task<Unit> ServeSetLock(Request& request) {
  const auto in = request.Args<abi::LockIn>();
  XattrLockOps::LockArgs args = DecodeLock(in);
  if (!IsLockType(args.lock.type)) {
    co_return request.Fail(Errno{EINVAL});
  }
  // An unlock never waits, and must get through however many wait for it.
  args.wait = request.opcode() == abi::Opcode::kSetLkw && args.lock.type != F_UNLCK;
  if (args.wait) {
    co_return Park(request, args);
  }
  const Result<> locked = co_await request.fs().SetLock(request.caller(), request.node(),
                                                        static_cast<Handle>(in.handle), args);
  co_return locked.ok() ? request.Done() : request.Fail(locked.error());
}

// Never answered: EAGAIN would have the kernel send it again, but see EarlyInterrupts.
Task<Unit> ServeInterrupt(Request& request) {
  request.session().Interrupt(request.channel(), request.Args<abi::InterruptIn>().unique);
  return request.NoReply();
}

}  // namespace fusebay::fuse
