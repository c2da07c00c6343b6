// Request: takes one request apart and puts its reply into the slot.
#include "fuse/server/request.h"

#include "fuse/server/operations.h"
#include "fuse/server/state.h"

namespace fusebay::fuse {
namespace {

// SETXATTR's arguments depend on a flag, everybody else's on the version.
std::size_t ArgumentBytes(const Operation& operation, std::uint32_t opcode, std::uint32_t minor,
                          std::uint64_t flags) {
  if (opcode == static_cast<std::uint32_t>(abi::Opcode::kSetXattr)) {
    return (flags & abi::kInitSetXattrExt) != 0 ? operation.args : abi::kSetXattrInCompatBytes;
  }
  return minor < operation.old_before ? operation.old_args : operation.args;
}

}  // namespace

void Request::Bind(ChannelState& channel, FuseSlot& slot) {
  channel_ = &channel;
  session_ = &channel.session;
  fs_ = &session_->fs;
  slot_ = &slot;
}

const Operation* Request::Begin() {
  FB_ASSERT(!active_);
  slot_->has_reply = false;
  const ByteSpan head = slot_->head;
  if (head.size() < sizeof header_) {
    return nullptr;  // from nobody: there is no unique to answer
  }
  std::memcpy(&header_, head.data(), sizeof header_);
  active_ = true;
  slot_->unique = header_.unique;
  caller_ = {.unique = header_.unique,
             .uid = header_.uid,
             .gid = header_.gid,
             .pid = header_.pid,
             .cancel = &slot_->cancel};
  channel_->served.store(channel_->served.load(std::memory_order_relaxed) + 1,
                         std::memory_order_relaxed);
  if (session_->hook != nullptr) {
    session_->hook->OnRequest(header_.opcode, header_.unique);
  }
  const std::uint64_t key = UniqueKey(header_.unique);
  progress_.Begin(key);
  if (session_->early_.Take(key, channel_->channel.loop())) {
    slot_->cancel.Cancel();
  }

  const Operation* const operation = FindOperation(header_.opcode);
  const bool answered = operation == nullptr || operation->answered;
  const bool is_init = operation != nullptr && opcode() == abi::Opcode::kInit;
  const bool serving = session_->phase.load() == Session::Phase::kServing;
  minor_ = serving ? session_->negotiated.minor : abi::kMinor;
  flags_ = serving ? session_->negotiated.flags : 0;
  if (header_.length > session_->transport.max_payload() + FuseSlot::kMaxHeadBytes) {
    return Refuse(Errno{ENOMEM}, answered);
  }
  if (header_.length != head.size() + slot_->payload_in.size) {
    return Refuse(Errno{EINVAL}, answered);
  }
  if (serving == is_init) {
    return Refuse(Errno{EIO}, answered);
  }
  if (operation == nullptr) {
    return Refuse(Errno{ENOSYS}, true);
  }
  const Result<> dissected = Dissect(*operation);
  return dissected.ok() ? operation : Refuse(dissected.error(), answered);
}

const Operation* Request::Refuse(Errno error, bool answered) {
  if (answered) {
    Fail(error);
  } else {
    NoReply();
  }
  return nullptr;
}

Result<> Request::Dissect(const Operation& operation) {
  ByteSpan rest = slot_->head.subspan(sizeof header_);
  const std::size_t args_bytes = ArgumentBytes(operation, header_.opcode, minor_, flags_);
  if (rest.size() < args_bytes) {
    return Errno{EINVAL};
  }
  bulk_ = {};
  if (operation.tail == Operation::Tail::kLoose) {
    args_ = rest;
    return Ok();
  }
  args_ = rest.first(args_bytes);
  rest = rest.subspan(args_bytes);
  // Security contexts and groups of creating requests: nobody asked for them at INIT.
  const std::size_t extension_bytes = std::size_t{header_.total_extlen} * 8;
  if (rest.size() < extension_bytes) {
    return Errno{EINVAL};
  }
  rest = rest.first(rest.size() - extension_bytes);
  for (std::size_t i = 0; i < names_.size() && operation.names[i] != NameRule::kNone; ++i) {
    FB_ASSIGN(names_[i], TakeName(rest, operation.names[i]));
  }
  const std::size_t payload = slot_->payload_in.size;
  if (operation.tail == Operation::Tail::kNone) {
    return rest.empty() && payload == 0 ? Ok() : Result<>(Errno{EINVAL});
  }
  // A channel puts the data of small requests where it likes, but in one place.
  if (!rest.empty() && payload != 0) {
    return Errno{EINVAL};
  }
  tail_ = {const_cast<std::byte*>(rest.data()), rest.size()};
  bulk_ = payload != 0 ? slot_->payload_in : IoVec::Of(tail_);
  return Ok();
}

Unit Request::Fail(Errno error) { return Finish(true, ReplyError(error), 0, 0); }

Unit Request::Finish(bool has_reply, std::int32_t error, std::size_t args_size,
                     std::size_t data_size) {
  FB_ASSERT(active_);
  FB_ASSERT(args_size <= FuseSlot::kOutArgsBytes);
  FB_ASSERT(data_size <= slot_->payload_out.size);
  slot_->has_reply = has_reply;
  slot_->out_error = error;
  slot_->out_args_size = static_cast<std::uint32_t>(args_size);
  slot_->out_payload_size = static_cast<std::uint32_t>(data_size);
  if (session_->hook != nullptr) {
    session_->hook->OnReply(header_.opcode, header_.unique, error);
  }
  End();
  return Unit{};
}

void Request::Leave() {
  FB_ASSERT(active_);
  slot_->has_reply = false;
  End();
}

// The token is new again for the next request, not before this one: a channel that shuts down may
// have cancelled it while the slot was waiting.
void Request::End() {
  progress_.End();
  slot_->cancel.Reset();
  active_ = false;
}

}  // namespace fusebay::fuse
