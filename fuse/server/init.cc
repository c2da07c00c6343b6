// INIT and DESTROY: the life of a session, and what client and server agree on.
#include <unistd.h>

#include <algorithm>

#include "fuse/server/operations.h"
#include "fuse/server/reply.h"
#include "fuse/server/request.h"
#include "fuse/server/state.h"

namespace fusebay::fuse {
namespace {

// What makes this server quick and its caches true, whatever the filesystem.
constexpr std::uint64_t kServerWants =
    abi::kInitAsyncRead | abi::kInitBigWrites | abi::kInitParallelDirOps | abi::kInitAsyncDio |
    abi::kInitMaxPages | abi::kInitExplicitInvalData | abi::kInitSetXattrExt | abi::kInitExt;
// Never granted: AUTO_INVAL_DATA would drop the page cache at each stat after a write, and nobody
// reads the extensions that the other two put into creating requests.
constexpr std::uint64_t kNever =
    abi::kInitAutoInvalData | abi::kInitSecurityCtx | abi::kInitCreateSuppGroup;

constexpr std::uint32_t kSmallestWrite = 4096;  // what every client can send
constexpr std::uint32_t kPagesWithoutMaxPages = 32;

std::uint32_t PageSize() { return static_cast<std::uint32_t>(sysconf(_SC_PAGESIZE)); }

std::uint64_t OfferedFlags(const abi::InitIn& in) {
  if (in.minor < 6) {
    return 0;
  }
  return (in.flags & abi::kInitExt) != 0 ? in.flags | std::uint64_t{in.flags2} << 32 : in.flags;
}

std::uint64_t GrantedFlags(std::uint64_t offered, const ServerOptions& options) {
  std::uint64_t granted = offered & (options.want | kServerWants) & ~kNever;
  if (options.max_stack_depth == 0 || (granted & abi::kInitWritebackCache) != 0) {
    granted &= ~abi::kInitPassthrough;  // the kernel refuses such a reply
  }
  return granted;
}

std::uint32_t GrantedMaxWrite(const Negotiated& negotiated, std::uint32_t wanted,
                              std::uint32_t max_payload) {
  if (!negotiated.Has(abi::kInitBigWrites)) {
    return kSmallestWrite;
  }
  std::uint32_t most = std::min(wanted, max_payload);
  if (!negotiated.Has(abi::kInitMaxPages)) {
    most = std::min(most, kPagesWithoutMaxPages * PageSize());
  }
  return std::max(most, kSmallestWrite);
}

Negotiated Negotiate(const abi::InitIn& in, const Session& session) {
  const ServerOptions& options = session.options;
  Negotiated negotiated;
  negotiated.major = abi::kMajor;
  negotiated.minor = std::min(in.minor, abi::kMinor);
  negotiated.flags = GrantedFlags(OfferedFlags(in), options);
  negotiated.max_write =
      GrantedMaxWrite(negotiated, options.max_write, session.transport.max_payload());
  negotiated.max_readahead = in.minor < 6 ? 0 : std::min(in.max_readahead, options.max_readahead);
  negotiated.max_background = options.max_background;
  return negotiated;
}

abi::InitOut EncodeInit(const Negotiated& negotiated, const ServerOptions& options) {
  abi::InitOut out{};
  out.major = abi::kMajor;
  out.minor = abi::kMinor;
  out.max_readahead = negotiated.max_readahead;
  out.flags = static_cast<std::uint32_t>(negotiated.flags);
  out.flags2 = static_cast<std::uint32_t>(negotiated.flags >> 32);
  out.max_background = negotiated.max_background;
  out.congestion_threshold = static_cast<std::uint16_t>(negotiated.max_background * 3u / 4);
  out.max_write = negotiated.max_write;
  out.time_granularity_ns = options.time_granularity_ns;
  if (negotiated.Has(abi::kInitMaxPages)) {
    const std::uint32_t pages = (negotiated.max_write + PageSize() - 1) / PageSize();
    out.max_pages = static_cast<std::uint16_t>(std::min<std::uint32_t>(pages, UINT16_MAX));
  }
  if (negotiated.Has(abi::kInitMapAlignment)) {
    out.map_alignment = options.map_alignment_log2;
  }
  if (negotiated.Has(abi::kInitPassthrough)) {
    out.max_stack_depth = options.max_stack_depth;
  }
  return out;
}

// INIT's arguments: a client of 7.36 may say that there is a second half and send none.
Result<abi::InitIn> DecodeInit(const Request& request) {
  const std::size_t size = request.slot().head.size() - sizeof(abi::InHeader);
  auto in = request.Args<abi::InitIn>();
  if (in.major == abi::kMajor && in.minor >= 6 && size < abi::kInitInShortBytes) {
    return Errno{EINVAL};
  }
  if (size < offsetof(abi::InitIn, unused)) {
    in.flags &= ~static_cast<std::uint32_t>(abi::kInitExt);
  }
  return in;
}

}  // namespace

Task<Unit> ServeInit(Request& request) {
  Session& session = request.session();
  const Result<abi::InitIn> in = DecodeInit(request);
  if (!in.ok()) {
    return request.Fail(in.error());
  }
  if (in->major < abi::kMajor) {
    return request.Fail(Errno{EPROTO});
  }
  if (in->major > abi::kMajor) {
    // The client sends another INIT, with our major version.
    return request.Reply(abi::InitOut{.major = abi::kMajor, .minor = abi::kMinor});
  }
  // A client may come back after DESTROY, but not while its earlier life is still being served.
  Session::Phase expected = Session::Phase::kNew;
  if (!session.phase.compare_exchange_strong(expected, Session::Phase::kStarting)) {
    return request.Fail(Errno{EIO});
  }
  if (session.IsBusy(request)) {
    session.phase.store(Session::Phase::kNew);
    return request.Fail(Errno{EIO});
  }
  session.ForgetEarlyInterrupts();
  session.negotiated = Negotiate(*in, session);
  session.transport.OnInit(session.negotiated);
  session.fs.Init(session.negotiated);
  if (session.hook != nullptr) {
    session.hook->OnInit(session.negotiated);
  }
  const abi::InitOut out = EncodeInit(session.negotiated, session.options);
  session.phase.store(Session::Phase::kServing);
  return request.Reply(out, InitOutSize(in->minor));
}

// The reply leaves with the slot, after the filesystem has let go of everything: a client that
// waits for it finds the image closed.
Task<Unit> ServeDestroy(Request& request) {
  Session& session = request.session();
  session.phase.store(Session::Phase::kNew);
  session.fs.Destroy();
  return request.Done();
}

}  // namespace fusebay::fuse
