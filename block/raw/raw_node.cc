// The driver `raw`: the file itself, or a window of it.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "block/open_image.h"
#include "core/log.h"
#include "core/sync.h"
#include "raw_driver.h"

namespace fusebay {

namespace {

// As much of an image's beginning as any format's signature needs.
constexpr std::uint64_t kHeadBytes = 512;

class RawNode final : public BlockNode, public LiveNode {
 public:
  RawNode(std::string node_name, bool read_only, const RawOptions& options, BlockRef file)
      : BlockNode(std::move(node_name), "raw", read_only),
        file_(std::move(file)),
        start_(options.offset),
        fixed_size_(options.size.has_value()),
        guarded_(options.probed) {
    live_ = this;
    set_size(options.size.value_or(file_.size() - start_));
    const BlockLimits& below = file_.node().limits();
    limits_.preferred_size = below.preferred_size;
    limits_.cluster_size = below.cluster_size;
    locked_ = file_.node().locked();
  }

  BlockRef* child(ChildRole role) override { return role == ChildRole::kFile ? &file_ : nullptr; }
  std::string_view FixedOption(const BlockdevOptions& now,
                               const BlockdevOptions& wanted) const override;
  Task<Result<Unit, Error>> Reopen(const BlockdevOptions& now,
                                   const BlockdevOptions& wanted) override;

 private:
  Task<Result<>> DoRead(std::uint64_t offset, IoVec dst) override {
    return file_.Read(start_ + offset, dst);
  }
  Task<Result<>> DoWrite(std::uint64_t offset, IoVec src, WriteFlags flags) override {
    if (guarded_ && offset < kHeadBytes) [[unlikely]] {
      return WriteHead(offset, src, flags);
    }
    return file_.Write(start_ + offset, src, flags);
  }
  Task<Result<>> DoWriteZeroes(std::uint64_t offset, std::uint64_t length,
                               ZeroFlags flags) override {
    if (guarded_ && offset < kHeadBytes) [[unlikely]] {
      return ZeroHead(offset, length, flags);
    }
    return file_.WriteZeroes(start_ + offset, length, flags);
  }
  Task<Result<>> DoSpace(std::uint64_t offset, std::uint64_t length, bool allocate) override {
    if (allocate) {
      return file_.Allocate(start_ + offset, length);
    }
    // A discard is a hint: the guarded bytes are not worth a look.
    const std::uint64_t spared = guarded_ && offset < kHeadBytes ? kHeadBytes - offset : 0;
    return spared >= length ? Task<Result<>>(Ok())
                            : file_.Discard(start_ + offset + spared, length - spared);
  }
  Task<Result<>> DoFlush(FlushMode mode) override { return file_.Flush(mode); }
  Task<Result<BlockStatus>> DoStatus(std::uint64_t offset, std::uint64_t length) override {
    return file_.Status(start_ + offset, length);
  }
  Task<Result<>> DoTruncate(std::uint64_t size, Prealloc prealloc) override;
  Task<Result<std::uint64_t>> DoAllocatedSize() override { return file_.node().AllocatedSize(); }
  Task<Result<ImageInfo, Error>> DoInfo() override;
  Task<Result<>> DoClose() override;
  Result<Unit, Error> DoSetPermissions(const PermissionSet& permissions) override;

  Task<Result<>> WriteHead(std::uint64_t offset, IoVec src, WriteFlags flags);
  Task<Result<>> ZeroHead(std::uint64_t offset, std::uint64_t length, ZeroFlags flags);
  using Head = std::array<std::byte, kHeadBytes>;
  Task<Result<>> ReadHead(Head& head);
  bool IsHarmless(const Head& head);

  BlockRef file_;
  const std::uint64_t start_;
  const bool fixed_size_;
  const bool guarded_;
  CoMutex truncating_;
  CoMutex head_mutex_;   // one change of the first bytes at a time
  bool warned_ = false;  // under head_mutex_
};

// A window never lets anybody below it resize the file: it would stick out.
Result<Unit, Error> RawNode::DoSetPermissions(const PermissionSet& permissions) {
  return file_.SetPermissions({permissions.used, permissions.shared & ~kPermResize});
}

Task<Result<>> RawNode::DoTruncate(std::uint64_t size, Prealloc prealloc) {
  if (fixed_size_) {
    co_return Errno{ENOTSUP};
  }
  if (size > kMaxSize - start_) {
    co_return Errno{EFBIG};
  }
  const CoMutex::Guard guard = co_await truncating_.Lock();
  const Result<> r = co_await file_.Truncate(start_ + size, prealloc);
  CO_TRY(r);
  set_size(size);
  co_return Ok();
}

Task<Result<ImageInfo, Error>> RawNode::DoInfo() {
  Result<ImageInfo, Error> info = co_await file_.node().Info();
  if (info.ok()) {
    info->format = "raw";
    info->virtual_size = size();
  }
  co_return info;
}

Task<Result<>> RawNode::DoClose() {
  const Result<> r = co_await Flush(FlushMode::kDisk);
  file_ = BlockRef();
  co_return r;
}

Task<Result<>> RawNode::ReadHead(Head& head) {
  head.fill(std::byte{0});
  const iovec whole{head.data(), head.size()};
  const std::uint64_t length = std::min(size(), kHeadBytes);
  const Result<> r = co_await file_.Read(start_, IoVec::Of(whole).First(length));
  co_return r;
}

// Whether an image that begins so would still be taken for raw.
bool RawNode::IsHarmless(const Head& head) {
  const std::string_view format = ProbeFormat(head);
  if (format == "raw") {
    return true;
  }
  if (!warned_) {
    warned_ = true;
    LogWarning(fmt::format(
        "node '{}': refused a write that would make the image look like {}, because its format was "
        "guessed to be raw; give --format raw to allow it",
        node_name(), format));
  }
  return false;
}

Task<Result<>> RawNode::WriteHead(std::uint64_t offset, IoVec src, WriteFlags flags) {
  const CoMutex::Guard guard = co_await head_mutex_.Lock();
  Head head;
  const Result<> read = co_await ReadHead(head);
  CO_TRY(read);
  src.First(std::min<std::uint64_t>(src.size, kHeadBytes - offset)).CopyTo(head.data() + offset);
  if (!IsHarmless(head)) {
    co_return Errno{EPERM};
  }
  const Result<> r = co_await file_.Write(start_ + offset, src, flags);
  co_return r;
}

Task<Result<>> RawNode::ZeroHead(std::uint64_t offset, std::uint64_t length, ZeroFlags flags) {
  const CoMutex::Guard guard = co_await head_mutex_.Lock();
  Head head;
  const Result<> read = co_await ReadHead(head);
  CO_TRY(read);
  std::fill_n(head.data() + offset, std::min(length, kHeadBytes - offset), std::byte{0});
  if (!IsHarmless(head)) {
    co_return Errno{EPERM};
  }
  const Result<> r = co_await file_.WriteZeroes(start_ + offset, length, flags);
  co_return r;
}

std::string_view RawNode::FixedOption(const BlockdevOptions& now,
                                      const BlockdevOptions& wanted) const {
  const auto& old_own = std::get<RawOptions>(now.driver_options);
  const auto& own = std::get<RawOptions>(wanted.driver_options);
  if (own.offset != old_own.offset) {
    return "offset";
  }
  return own.size != old_own.size ? "size" : "";
}

// The file may be another one now, and no smaller.
Task<Result<Unit, Error>> RawNode::Reopen(const BlockdevOptions&, const BlockdevOptions& wanted) {
  const bool fixed = file_.node().read_only();
  if (!wanted.read_only && !wanted.auto_read_only && fixed) {
    return Result<Unit, Error>{Error{Errno{EROFS}, "Block node is read-only"}};
  }
  set_read_only(wanted.read_only || fixed);
  if (!fixed_size_) {
    set_size(file_.size() - start_);
  }
  locked_ = file_.node().locked();
  return Result<Unit, Error>{Unit{}};
}

Result<Unit, Error> CheckWindow(const RawOptions& options, std::uint64_t file_size) {
  if (options.offset > file_size) {
    return Error{Errno{EINVAL},
                 fmt::format("Offset ({}) cannot be greater than size of the containing file ({})",
                             options.offset, file_size)};
  }
  if (options.size.has_value() && *options.size > file_size - options.offset) {
    return Error{Errno{EINVAL},
                 fmt::format("The sum of offset ({}) and size ({}) has to be smaller or equal to "
                             "the actual size of the containing file ({})",
                             options.offset, *options.size, file_size)};
  }
  return Unit{};
}

Task<NodeResult> OpenRaw(const BlockdevOptions& options, OpenContext& context) {
  const auto* const own = std::get_if<RawOptions>(&options.driver_options);
  if (own == nullptr || own->file.empty()) {
    co_return Error{Errno{EINVAL}, "Parameter 'file' is missing"};
  }
  CO_ASSIGN(BlockRef file,
            co_await context.OpenChild(own->file, ChildRole::kFile,
                                       {.used = 0, .shared = kPermAll & ~kPermResize}));
  const bool read_only = options.read_only || (options.auto_read_only && file.node().read_only());
  if (!read_only && file.node().read_only()) {
    co_return Error{Errno{EROFS}, fmt::format("Node '{}' is read-only, but '{}' is to be writable",
                                              file.node().node_name(), context.node_name)};
  }
  CO_TRY(CheckWindow(*own, file.size()));
  co_return std::make_unique<RawNode>(context.node_name, read_only, *own, std::move(file));
}

}  // namespace

const BlockDriver kRawDriver{.name = "raw", .probe = nullptr, .open = &OpenRaw};

}  // namespace fusebay
