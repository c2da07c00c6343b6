// CommitImage: opens image and backing file apart from each other, copies, flushes, empties.
#include "block/commit_image.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "block/open_image.h"
#include "core/aio_context.h"
#include "qcow2/qcow2_node.h"

namespace fusebay {

namespace {

constexpr std::uint64_t kCopyBytes = 2 * kMiB;
constexpr std::uint32_t kOnlyReaders = kPermConsistentRead | kPermWriteUnchanged;
constexpr PermissionSet kReader{kPermConsistentRead, kOnlyReaders};
constexpr PermissionSet kWriter{kPermConsistentRead | kPermWrite | kPermResize, kOnlyReaders};

Error Failed(std::string_view filename, std::string_view what, Errno code) {
  return Error{code,
               fmt::format("{}: could not {}: {}", filename, what, std::strerror(code.value()))};
}

// The image alone: what it does not have is unallocated, whatever its backing file has there.
Task<Result<BlockNode*, Error>> OpenTop(BlockGraph& graph, const CommitRequest& request) {
  ImageRequest image;
  image.filename = request.filename;
  image.format = request.format;
  image.no_backing = true;
  image.writable = !request.keep;
  const Result<BlockNode*, Error> node = co_await OpenImage(graph, image);
  co_return node;
}

Task<Result<BlockNode*, Error>> OpenBase(BlockGraph& graph, const ImageInfo& top) {
  if (top.backing_filename.empty()) {
    co_return Error{Errno{EINVAL}, "Image does not have a backing file"};
  }
  if (top.backing_filename.starts_with("json:")) {
    co_return Error{Errno{ENOTSUP},
                    fmt::format("{}: backing file '{}': only a file by its name can be written",
                                top.filename, top.backing_filename)};
  }
  ImageRequest image;
  image.filename = top.full_backing_filename;
  // Some tools write the protocol where the format belongs; they mean the bytes as they are.
  const bool is_protocol = top.backing_format == "file" || top.backing_format == "host_device";
  image.format = is_protocol ? "raw" : top.backing_format;
  image.writable = true;
  image.resizable = true;
  const Result<BlockNode*, Error> node = co_await OpenImage(graph, image);
  if (!node.ok()) {
    co_return Error{node.error().code,
                    fmt::format("{}: cannot open backing file '{}': {}", top.filename,
                                top.backing_filename, node.error().message)};
  }
  co_return *node;
}

class Committer {
 public:
  Committer(const CommitRequest& request, const BlockRef& top, const BlockRef& base,
            std::string base_filename)
      : request_(request), top_(top), base_(base), base_filename_(std::move(base_filename)) {}

  Task<Result<Unit, Error>> Run() {
    if (base_.size() < top_.size()) {
      const Result<> grown = co_await base_.Truncate(top_.size(), Prealloc::kOff);
      CO_TRY(Named(grown, "grow the backing file"));
    }
    std::uint64_t offset = 0;
    while (offset < top_.size()) {
      Report(offset);
      CO_ASSIGN(offset, co_await CopyRun(offset));
    }
    const Result<> flushed = co_await base_.Flush(FlushMode::kDisk);
    CO_TRY(Named(flushed, "flush the backing file"));
    Report(offset);
    co_return Unit{};
  }

 private:
  Result<Unit, Error> Named(const Result<>& result, std::string_view what) const {
    return result.ok() ? Result<Unit, Error>(Unit{}) : Failed(base_filename_, what, result.error());
  }

  void Report(std::uint64_t done) const {
    if (request_.progress) {
      request_.progress(done, top_.size());
    }
  }

  // Returns where to go on.
  Task<Result<std::uint64_t, Error>> CopyRun(std::uint64_t offset) {
    const Result<BlockStatus> status = co_await top_.Status(offset, top_.size() - offset);
    if (!status.ok()) {
      co_return Failed(request_.filename, "read the tables", status.error());
    }
    if (!status->allocated) {
      co_return offset + status->length;
    }
    if (status->zero) {
      const Result<> zeroed =
          co_await base_.WriteZeroes(offset, status->length, {.may_unmap = true});
      CO_TRY(Named(zeroed, "write the backing file"));
      co_return offset + status->length;
    }
    const std::uint64_t length = std::min(status->length, kCopyBytes);
    const Buffer buffer = AioContext::Current().buffers().Get(length);
    const Result<> read = co_await top_.Read(offset, buffer.vec().First(length));
    if (!read.ok()) {
      co_return Failed(request_.filename, "read the image", read.error());
    }
    const Result<> written = co_await base_.Write(offset, buffer.vec().First(length), {});
    CO_TRY(Named(written, "write the backing file"));
    co_return offset + length;
  }

  const CommitRequest& request_;
  const BlockRef& top_;
  const BlockRef& base_;
  const std::string base_filename_;
};

Task<Result<Unit, Error>> CommitNodes(BlockGraph& graph, const CommitRequest& request,
                                      BlockNode& top_node, BlockNode& base_node,
                                      const ImageInfo& info) {
  CO_ASSIGN(const BlockRef top,
            graph.Use(top_node.node_name(), request.keep ? kReader : kWriter, "commit"));
  CO_ASSIGN(const BlockRef base, graph.Use(base_node.node_name(), kWriter, "commit"));
  Committer committer(request, top, base, info.full_backing_filename);
  const Result<Unit, Error> committed = co_await committer.Run();
  CO_TRY(committed);
  if (!request.keep) {
    FB_ASSERT(top_node.driver_name() == "qcow2");  // no other has a backing file
    const Result<> emptied = co_await static_cast<qcow2::Qcow2Node&>(top_node).Empty();
    if (!emptied.ok()) {
      co_return Failed(request.filename, "empty the image", emptied.error());
    }
  }
  co_return Unit{};
}

Task<Result<Unit, Error>> CommitOpened(BlockGraph& graph, const CommitRequest& request,
                                       BlockNode& top) {
  CO_ASSIGN(const ImageInfo info, co_await top.Info());
  CO_ASSIGN(BlockNode* const base, co_await OpenBase(graph, info));
  const std::string base_name = base->node_name();
  const Result<Unit, Error> committed = co_await CommitNodes(graph, request, top, *base, info);
  const Result<Unit, Error> closed = co_await graph.Remove(base_name);
  CO_TRY(committed);
  co_return closed;
}

}  // namespace

Task<Result<Unit, Error>> CommitImage(BlockGraph& graph, const CommitRequest& request) {
  CO_ASSIGN(BlockNode* const top, co_await OpenTop(graph, request));
  const std::string top_name = top->node_name();
  const Result<Unit, Error> committed = co_await CommitOpened(graph, request, *top);
  const Result<Unit, Error> closed = co_await graph.Remove(top_name);
  CO_TRY(committed);
  co_return closed;
}

}  // namespace fusebay
