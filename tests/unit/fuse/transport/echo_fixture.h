// A tiny server on the channels of a transport: one file, whose READ gives a pattern; it answers
// INIT, WRITE with its size, and notes what it saw. FLUSH waits until it is let go, or cancelled.
#pragma once
#include <sys/stat.h>

#include <atomic>
#include <cstring>
#include <vector>

#include "check.h"
#include "core/scope.h"
#include "fuse/abi.h"
#include "fuse/transport.h"

namespace fusebay::fuse::test {

struct Seen {
  abi::Opcode opcode{};
  std::size_t head = 0;
  std::size_t payload = 0;
  bool aligned = false;
  std::byte first{};  // of the payload
};

class EchoServer {
 public:
  explicit EchoServer(FuseTransport& transport) : transport_(transport) {}

  // Serves one channel until its session ends. Runs on the channel's loop.
  Task<Unit> Serve(FuseChannel& channel) {
    TaskScope slots;
    for (const std::unique_ptr<FuseSlot>& slot : channel.slots()) {
      slots.Spawn(ServeSlot(*this, channel, *slot));
    }
    co_await slots.Join();
    co_return Unit{};
  }

  static constexpr std::uint64_t kFileSize = 1u << 30;
  static std::byte Pattern(std::uint64_t offset) { return static_cast<std::byte>(offset % 251); }

  // On one loop only.
  std::vector<Seen> seen;
  CoEvent let_go;
  std::size_t holding = 0;
  int cancelled = 0;
  std::uint64_t parked = 0;     // the unique of the last SETLKW, which gets no reply
  std::uint32_t bad_reply = 0;  // for GETATTR: this many bytes
  bool note = true;
  bool hold_flush = true;
  std::uint32_t open_flags = abi::kFopenKeepCache;
  // On any loop.
  std::atomic<int> ended{0};          // slots that got ENODEV
  std::atomic<std::uint8_t> salt{0};  // changes the pattern

 private:
  template <class T>
  static void Answer(FuseSlot& slot, const T& out) {
    std::memcpy(slot.out_args.data(), &out, sizeof out);
    slot.out_args_size = sizeof out;
  }
  template <class T>
  static T Args(const FuseSlot& slot) {
    T args{};
    FB_ASSERT(slot.head.size() > sizeof(abi::InHeader));
    const ByteSpan bytes = slot.head.subspan(sizeof(abi::InHeader));
    std::memcpy(&args, bytes.data(), std::min(sizeof args, bytes.size()));
    return args;
  }

  static Task<Unit> ServeSlot(EchoServer& self, FuseChannel& channel, FuseSlot& slot) {
    for (;;) {
      const Result<> got = co_await channel.Exchange(slot);
      if (!got.ok()) {
        FB_ASSERT(got.error().value() == ENODEV);
        break;
      }
      co_await self.ServeOne(slot);
    }
    self.ended += 1;
    co_return Unit{};
  }

  void Note(const FuseSlot& slot, abi::Opcode opcode) {
    Seen one{opcode, slot.head.size(), slot.payload_in.size, false, {}};
    slot.payload_in.ForEach([&one](const std::byte* p, std::size_t) {
      one.aligned = reinterpret_cast<std::uintptr_t>(p) % 4096 == 0;
      one.first = *p;
    });
    seen.push_back(one);
  }

  Task<Unit> ServeOne(FuseSlot& slot) {
    abi::InHeader header;
    std::memcpy(&header, slot.head.data(), sizeof header);
    const auto opcode = static_cast<abi::Opcode>(header.opcode);
    if (note) {
      Note(slot, opcode);
    }
    slot.has_reply = true;
    switch (opcode) {
      case abi::Opcode::kInit:
        AnswerInit(slot);
        break;
      case abi::Opcode::kRead:
        AnswerRead(slot);
        break;
      case abi::Opcode::kWrite:
        Answer(slot, abi::WriteOut{static_cast<std::uint32_t>(slot.payload_in.size), 0});
        break;
      case abi::Opcode::kGetAttr:
        AnswerGetAttr(slot);
        break;
      case abi::Opcode::kOpen:
        Answer(slot, abi::OpenOut{0, open_flags, 0});
        break;
      case abi::Opcode::kRelease:
        break;
      case abi::Opcode::kFlush:
        if (hold_flush) {
          return Hold(*this, slot);
        }
        break;
      case abi::Opcode::kSetLkw:
        parked = slot.unique;
        slot.has_reply = false;
        break;
      case abi::Opcode::kForget:
      case abi::Opcode::kBatchForget:
      case abi::Opcode::kInterrupt:
        slot.has_reply = false;
        break;
      default:
        slot.out_error = -ENOSYS;
    }
    return Unit{};
  }

  void AnswerInit(FuseSlot& slot) {
    const auto in = Args<abi::InitIn>(slot);
    abi::InitOut out{};
    out.major = abi::kMajor;
    out.minor = std::min(in.minor, abi::kMinor);
    out.flags =
        in.flags & static_cast<std::uint32_t>(abi::kInitAsyncRead | abi::kInitBigWrites |
                                              abi::kInitMaxPages | abi::kInitExplicitInvalData);
    out.max_pages = static_cast<std::uint16_t>(transport_.max_payload() / 4096);
    out.max_readahead = in.max_readahead;
    out.max_write = transport_.max_payload();
    out.max_background = 64;
    Answer(slot, out);
    Negotiated negotiated;
    negotiated.major = out.major;
    negotiated.minor = out.minor;
    negotiated.flags = out.flags;
    negotiated.max_write = out.max_write;
    transport_.OnInit(negotiated);
  }

  void AnswerGetAttr(FuseSlot& slot) const {
    abi::AttrOut out{};
    out.attr.ino = 1;
    out.attr.size = kFileSize;
    out.attr.mode = S_IFREG | 0644;
    out.attr.nlink = 1;
    out.attr_valid = 1000;
    Answer(slot, out);
    slot.out_args_size = bad_reply != 0 ? bad_reply : slot.out_args_size;
  }

  void AnswerRead(FuseSlot& slot) const {
    const auto in = Args<abi::ReadIn>(slot);
    std::uint64_t offset = in.offset;
    const auto mask = static_cast<std::byte>(salt.load());
    slot.payload_out.First(in.size).ForEach([&offset, mask](std::byte* p, std::size_t n) {
      for (std::size_t i = 0; i < n; ++i) {
        p[i] = Pattern(offset++) ^ mask;
      }
    });
    slot.out_payload_size = in.size;
  }

  static void OnCancel(void* arg) { static_cast<EchoServer*>(arg)->let_go.Set(); }
  static Task<Unit> Hold(EchoServer& self, FuseSlot& slot) {
    ++self.holding;
    if (!slot.cancel.cancelled()) {
      const CancelToken::Callback callback(slot.cancel, OnCancel, &self);
      co_await self.let_go.Wait();
    }
    --self.holding;
    if (slot.cancel.cancelled()) {
      ++self.cancelled;
      slot.out_error = -EINTR;
    }
    co_return Unit{};
  }

  FuseTransport& transport_;
};

}  // namespace fusebay::fuse::test
