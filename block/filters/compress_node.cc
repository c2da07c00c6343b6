// The driver `compress`: a filter whose writes are stored compressed by the image below.
#include <fmt/format.h>

#include <algorithm>

#include "block/live_node.h"
#include "compress_driver.h"

namespace fusebay {

namespace {

// Takes whole clusters only, so that the BlockRef above reads, modifies and writes; and keeps other
// writes of the same cluster away meanwhile.
class CompressNode final : public BlockNode, public LiveNode {
 public:
  CompressNode(std::string node_name, bool read_only, BlockRef file)
      : BlockNode(std::move(node_name), "compress", read_only), file_(std::move(file)) {
    live_ = this;
    set_size(file_.size());
    limits_ = file_.node().limits();
    if (!read_only) {
      limits_.request_alignment = std::max(limits_.request_alignment, limits_.cluster_size);
      limits_.preferred_size = std::max(limits_.preferred_size, limits_.cluster_size);
    }
    locked_ = file_.node().locked();
    can_compress_ = !read_only;
  }

  BlockRef* child(ChildRole role) override { return role == ChildRole::kFile ? &file_ : nullptr; }
  std::string_view FixedOption(const BlockdevOptions&, const BlockdevOptions&) const override {
    return {};
  }
  bool can_reopen() const override { return false; }
  Task<Result<Unit, Error>> Reopen(const BlockdevOptions&, const BlockdevOptions&) override {
    FB_ASSERT(false);
  }

 private:
  // Of `length` bytes from `offset` on, those that lie on the disk: its last cluster may not.
  std::uint64_t Inside(std::uint64_t offset, std::uint64_t length) const {
    const std::uint64_t size = file_.size();
    return offset < size ? std::min(length, size - offset) : 0;
  }

  Task<Result<>> DoRead(std::uint64_t offset, IoVec dst) override {
    const std::uint64_t length = Inside(offset, dst.size);
    dst.From(length).Fill(std::byte{0});
    return file_.Read(offset, dst.First(length));
  }
  Task<Result<>> DoWrite(std::uint64_t offset, IoVec src, WriteFlags flags) override {
    flags.compressed = true;
    return file_.Write(offset, src.First(Inside(offset, src.size)), flags);
  }
  // What the image cannot make zeroes by itself is written, compressed, by the BlockRef above.
  Task<Result<>> DoWriteZeroes(std::uint64_t offset, std::uint64_t length,
                               ZeroFlags flags) override {
    flags.no_fallback = true;
    return file_.WriteZeroes(offset, Inside(offset, length), flags);
  }
  Task<Result<>> DoSpace(std::uint64_t offset, std::uint64_t length, bool allocate) override {
    const std::uint64_t inside = Inside(offset, length);
    return allocate ? file_.Allocate(offset, inside) : file_.Discard(offset, inside);
  }
  Task<Result<>> DoFlush(FlushMode mode) override { return file_.Flush(mode); }
  Task<Result<BlockStatus>> DoStatus(std::uint64_t offset, std::uint64_t length) override {
    return file_.Status(offset, length);
  }
  Task<Result<>> DoTruncate(std::uint64_t size, Prealloc prealloc) override {
    const Result<> r = co_await file_.Truncate(size, prealloc);
    CO_TRY(r);
    set_size(size);
    co_return Ok();
  }
  Task<Result<std::uint64_t>> DoAllocatedSize() override { return file_.node().AllocatedSize(); }
  Task<Result<ImageInfo, Error>> DoInfo() override { return file_.node().Info(); }
  Task<Result<>> DoClose() override {
    const Result<> r = co_await Flush(FlushMode::kDisk);
    file_ = BlockRef();
    co_return r;
  }
  Result<Unit, Error> DoSetPermissions(const PermissionSet& permissions) override {
    return file_.SetPermissions({permissions.used, permissions.shared & ~kPermResize});
  }

  BlockRef file_;
};

Task<NodeResult> OpenCompress(const BlockdevOptions& options, OpenContext& context) {
  const auto* const own = std::get_if<CompressOptions>(&options.driver_options);
  if (own == nullptr || own->file.empty()) {
    co_return Error{Errno{EINVAL}, "Parameter 'file' is missing"};
  }
  CO_ASSIGN(BlockRef file,
            co_await context.OpenChild(own->file, ChildRole::kFile,
                                       {.used = 0, .shared = kPermAll & ~kPermResize}));
  const BlockNode& node = file.node();
  const bool read_only = options.read_only || (options.auto_read_only && node.read_only());
  if (!read_only && node.read_only()) {
    co_return Error{Errno{EROFS}, fmt::format("Node '{}' is read-only, but '{}' is to be writable",
                                              node.node_name(), context.node_name)};
  }
  if (!read_only && !node.can_compress()) {
    const bool has_clusters = node.limits().cluster_size != 0 && node.driver_name() == "qcow2";
    co_return Error{Errno{ENOTSUP},
                    has_clusters
                        ? std::string("Compression is not supported for an image with an external "
                                      "data file")
                        : fmt::format("Compression is not supported for underlying format: {}",
                                      node.driver_name())};
  }
  co_return std::make_unique<CompressNode>(context.node_name, read_only, std::move(file));
}

}  // namespace

const BlockDriver kCompressDriver{.name = "compress", .probe = nullptr, .open = &OpenCompress};

}  // namespace fusebay
