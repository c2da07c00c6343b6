// A SingleFileFs over a memory (or null-co) node on one loop, with calls that read like a session
// of a client.
#pragma once
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "check.h"
#include "core/aio_context.h"
#include "export/single_file_fs.h"

namespace fusebay::test {

class FileUnderTest {
 public:
  explicit FileUnderTest(std::uint64_t size, SingleFileOptions options = {.writable = true},
                         std::string_view driver = "memory")
      : loop_(std::move(
            *AioContext::Create({.name = "test", .poll_max = Nanoseconds{0}}, workers_))) {
    CHECK_OK(Run(Open(size, options, driver)));
  }
  ~FileUnderTest() { FB_ASSERT(Run(Close()).ok()); }

  template <class T>
  T Run(Task<T> task) {
    return loop_->RunUntilDone(std::move(task));
  }

  SingleFileFs& fs() { return *fs_; }
  BlockGraph& graph() { return graph_; }
  const BlockRef& ref() const { return ref_; }
  std::uint64_t size() { return Attr().size; }

  fuse::Attr Attr() {
    const Result<fuse::Attr> attr = Run(fs_->GetAttr(caller_, kRoot, std::nullopt));
    CHECK_OK(attr);
    return *attr;
  }
  Result<fuse::Attr> Set(const fuse::SetAttrArgs& args, bool by_handle = true) {
    return Run(fs_->SetAttr(caller_, kRoot,
                            by_handle ? std::optional(fuse::Handle{}) : std::nullopt, args));
  }
  Result<fuse::Attr> Truncate(std::uint64_t to) { return Set({.size = to}); }
  Result<std::uint32_t> Write(std::uint64_t offset, std::string text, bool delayed = false) {
    const iovec piece{text.data(), text.size()};
    return Run(fs_->Write(caller_, kRoot, {}, {.offset = offset, .from_page_cache = delayed},
                          IoVec::Of(piece)));
  }
  std::string Read(std::uint64_t offset, std::size_t length) {
    std::string text(length, '?');
    const iovec piece{text.data(), text.size()};
    const Result<std::uint32_t> n =
        Run(fs_->Read(caller_, kRoot, {}, {.offset = offset}, IoVec::Of(piece)));
    CHECK_OK(n);
    text.resize(*n);
    return text;
  }
  Result<> Fallocate(int mode, std::uint64_t offset, std::uint64_t length) {
    return Run(
        fs_->Fallocate(caller_, kRoot, {}, static_cast<std::uint32_t>(mode), offset, length));
  }
  Result<std::uint64_t> Seek(std::uint64_t offset, int whence) {
    return Run(fs_->Lseek(caller_, kRoot, {}, offset, static_cast<std::uint32_t>(whence)));
  }
  Result<std::uint64_t> Copy(std::uint64_t from, std::uint64_t to, std::uint64_t length) {
    return Run(
        fs_->CopyFileRange(caller_, {.offset_in = from, .offset_out = to, .length = length}));
  }
  Result<fuse::Opened> Open(int flags) {
    return Run(fs_->Open(caller_, kRoot, {.flags = static_cast<std::uint32_t>(flags)}));
  }
  Result<> Close(fuse::Opened opened) {
    return Run(fs_->Release(caller_, kRoot, opened.handle, std::nullopt));
  }

  static constexpr fuse::NodeId kRoot = fuse::NodeId::kRoot;
  const fuse::Caller& caller() const { return caller_; }

 private:
  Task<Result<Unit, Error>> Open(std::uint64_t size, const SingleFileOptions& options,
                                 std::string_view driver) {
    BlockdevOptions node{.driver = std::string(driver), .node_name = "disk"};
    if (driver == "memory") {
      node.driver_options = MemoryOptions{.size = size};
    } else {
      node.driver_options = NullOptions{.size = size};
    }
    const Result<BlockNode*, Error> opened = co_await graph_.Open(node);
    CO_TRY(opened);
    CO_ASSIGN(ref_,
              graph_.Use("disk", {.used = kPermConsistentRead | kPermWrite | kPermResize}, "test"));
    AioContext* const loops[] = {loop_.get()};
    ref_.UseOn(loops);
    fs_.emplace(graph_, ref_, options);
    co_return Unit{};
  }
  Task<Result<Unit, Error>> Close() {
    fs_.reset();
    ref_ = BlockRef();
    return graph_.CloseAll();
  }

  WorkerPool workers_;
  std::unique_ptr<AioContext> loop_;
  BlockGraph graph_;
  BlockRef ref_;
  std::optional<SingleFileFs> fs_;
  const fuse::Caller caller_{.unique = 2};
};

inline std::string Zeroes(std::size_t n) { return std::string(n, '\0'); }

}  // namespace fusebay::test
