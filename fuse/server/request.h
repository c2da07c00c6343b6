// Request: one request while a handler serves it, and the ways to answer it.
//
// There is one per slot, made once; handlers borrow it and keep nothing else of the request. Every
// handler ends with exactly one of Fail, Done, Reply, ReplyData or NoReply, and touches nothing of
// the request after it. All of it belongs to the channel's loop.
#pragma once
#include <array>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "base/bytes.h"
#include "fuse/abi.h"
#include "fuse/filesystem.h"
#include "fuse/server/args.h"
#include "fuse/server/in_progress.h"
#include "fuse/slot.h"

namespace fusebay::fuse {

class Session;
struct ChannelState;
struct Operation;

class Request {
 public:
  Request() = default;
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  // Once, before the first request.
  void Bind(ChannelState& channel, FuseSlot& slot);

  // Takes the request that the slot holds. Returns the operation to serve it, with its arguments
  // checked and taken apart, or null when it is answered already, because it is not well-formed.
  const Operation* Begin();
  bool active() const { return active_; }

  Session& session() const { return *session_; }
  ChannelState& channel() const { return *channel_; }
  FuseFilesystem& fs() const { return *fs_; }
  FuseSlot& slot() const { return *slot_; }
  const abi::InHeader& header() const { return header_; }
  abi::Opcode opcode() const { return static_cast<abi::Opcode>(header_.opcode); }
  NodeId node() const { return static_cast<NodeId>(header_.nodeid); }
  const Caller& caller() const { return caller_; }
  std::uint32_t minor() const { return minor_; }  // of the protocol in force
  std::uint64_t flags() const { return flags_; }  // init flags in force

  // The fixed arguments; what an old client does not send is zero.
  template <class T>
  T Args() const {
    static_assert(std::is_trivially_copyable_v<T>);
    T value{};
    std::memcpy(&value, args_.data(), std::min(sizeof value, args_.size()));
    return value;
  }
  std::string_view name(std::size_t index = 0) const { return names_[index]; }
  // What comes after arguments and names: the data of WRITE and its like.
  const IoVec& bulk() const { return bulk_; }
  // Where `size` bytes of reply data go. REQUIRES: size <= room().
  IoVec Room(std::size_t size) const { return slot_->payload_out.First(size); }
  std::size_t room() const { return slot_->payload_out.size; }

  Unit Fail(Errno error);
  Unit Done() { return Finish(true, 0, 0, 0); }  // an empty reply
  Unit NoReply() { return Finish(false, 0, 0, 0); }
  // Only the first `size` bytes of `args`, for old clients.
  template <class T>
  Unit Reply(const T& args, std::size_t size = sizeof(T)) {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= FuseSlot::kOutArgsBytes);
    FB_ASSERT(size <= sizeof(T));
    std::memcpy(slot_->out_args.data(), &args, size);
    return Finish(true, 0, size, 0);
  }
  // `size` bytes that are in Room already.
  Unit ReplyData(std::size_t size) { return Finish(true, 0, 0, size); }
  template <class T>
  Unit ReplyWithData(const T& args, std::size_t size) {
    std::memcpy(slot_->out_args.data(), &args, sizeof args);
    return Finish(true, 0, sizeof args, size);
  }
  // Ends the request here, without a word to the hook: it goes on as a Parked.
  void Leave();

  InProgress& progress() { return progress_; }
  const InProgress& progress() const { return progress_; }

 private:
  const Operation* Refuse(Errno error, bool answered);
  Result<> Dissect(const Operation& operation);
  Unit Finish(bool has_reply, std::int32_t error, std::size_t args_size, std::size_t data_size);
  void End();

  Session* session_ = nullptr;
  ChannelState* channel_ = nullptr;
  FuseFilesystem* fs_ = nullptr;
  FuseSlot* slot_ = nullptr;
  InProgress progress_;
  bool active_ = false;
  std::uint32_t minor_ = 0;
  std::uint64_t flags_ = 0;
  abi::InHeader header_{};
  Caller caller_;
  ByteSpan args_;
  std::array<std::string_view, 2> names_;
  iovec tail_{};  // of the head; what bulk_ refers to when there is no payload
  IoVec bulk_;
};

// The error of a reply: what leaves is an errno that the client accepts.
constexpr std::int32_t ReplyError(Errno error) {
  constexpr int kLargest = 511;
  return error.value() <= kLargest ? -error.value() : -EIO;
}

}  // namespace fusebay::fuse
