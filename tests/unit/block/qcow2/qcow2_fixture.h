// What the qcow2 tests share: a graph on a loop of the test's own, files in memory that count and
// fail, and folders with real files.
#pragma once
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "block/block_graph.h"
#include "check.h"
#include "core/aio_context.h"
#include "core/scope.h"
#include "image_builder.h"

namespace fusebay::qcow2::test {

using ::fusebay::test::Skip;

// A file in memory.
class MemoryFile : public BlockNode {
 public:
  MemoryFile(std::string node_name, std::vector<std::byte> bytes)
      : BlockNode(std::move(node_name), "test-file", true), bytes_(std::move(bytes)) {
    set_size(bytes_.size());
  }
  std::atomic<int> reads{0};
  std::atomic<bool> fails{false};     // with EIO
  std::atomic<bool> suspends{false};  // reads let others run first

 private:
  Task<Result<>> DoRead(std::uint64_t offset, IoVec dst) override {
    ++reads;
    return suspends ? ReadLater(offset, dst) : Task<Result<>>(ReadNow(offset, dst));
  }
  Task<Result<>> ReadLater(std::uint64_t offset, IoVec dst) {
    co_await AioContext::Current().Yield();
    co_return ReadNow(offset, dst);
  }
  Result<> ReadNow(std::uint64_t offset, IoVec dst) {
    if (fails) {
      return Errno{EIO};
    }
    dst.CopyFrom(bytes_.data() + offset);
    return Ok();
  }

  const std::vector<std::byte> bytes_;
};

// A loop with a graph, and one image in it.
class Disk {
 public:
  Disk() : loop_(MakeLoop(workers_)) {}
  explicit Disk(std::unique_ptr<AioContext> loop) : loop_(std::move(loop)) {}
  explicit Disk(const ImageBuilder& image) : Disk() {
    AddFile("file", image.bytes());
    Must(OpenOn("file"));
  }
  ~Disk() {
    image = BlockRef();
    static_cast<void>(Run(graph.CloseAll()).ok());
  }

  static std::unique_ptr<AioContext> MakeLoop(WorkerPool& workers) {
    AioContextOptions options;
    options.poll_max = Nanoseconds(0);
    auto loop = AioContext::Create(options, workers);
    CHECK_OK(loop);
    return std::move(*loop);
  }

  template <class T>
  T Run(Task<T> task) {
    return loop_->RunUntilDone(std::move(task));
  }

  MemoryFile& AddFile(const std::string& node_name, const std::vector<std::byte>& bytes) {
    auto owned = std::make_unique<MemoryFile>(node_name, bytes);
    file = owned.get();
    const auto added = graph.Add(std::move(owned));
    CHECK_OK(added);
    return *file;
  }

  using Change = void (*)(BlockdevOptions&, Qcow2Options&);

  // Opens the qcow2 image in the node `file_node` as `image`.
  Result<Unit, Error> OpenOn(const std::string& file_node, Change change = nullptr) {
    Qcow2Options own;
    own.file.node_name = file_node;
    return OpenWith(std::move(own), change);
  }
  // ... in the file `path`.
  Result<Unit, Error> OpenPath(const std::string& path, Change change = nullptr) {
    Qcow2Options own;
    own.file.definition = std::make_unique<BlockdevOptions>();
    own.file.definition->driver = "file";
    own.file.definition->read_only = true;
    FileOptions file_options;
    file_options.filename = path;
    own.file.definition->driver_options = std::move(file_options);
    return OpenWith(std::move(own), change);
  }
  static void Must(const Result<Unit, Error>& result) { CHECK_OK(result); }

  Result<std::string> TryRead(std::uint64_t offset, std::size_t length) {
    std::string bytes(length, '?');
    const iovec iov{bytes.data(), bytes.size()};
    const Result<> read = Run(image.Read(offset, IoVec::Of(iov)));
    if (!read.ok()) {
      return read.error();
    }
    return bytes;
  }
  std::string Read(std::uint64_t offset, std::size_t length) {
    auto bytes = TryRead(offset, length);
    CHECK_OK(bytes);
    return *bytes;
  }
  BlockStatus Status(std::uint64_t offset, std::uint64_t length) {
    const auto status = Run(image.Status(offset, length));
    CHECK_OK(status);
    return *status;
  }
  ImageInfo Info() {
    const auto info = Run(image.node().Info());
    CHECK_OK(info);
    return *info;
  }
  AioContext& loop() { return *loop_; }
  WorkerPool& workers() { return workers_; }

 private:
  Result<Unit, Error> OpenWith(Qcow2Options own, Change change) {
    BlockdevOptions options;
    options.driver = "qcow2";
    options.read_only = true;
    if (change != nullptr) {
      change(options, own);
    }
    options.driver_options = std::move(own);
    const auto node = Run(graph.Open(options));
    if (!node.ok()) {
      return node.error();
    }
    FB_ASSIGN(image, graph.Use((*node)->node_name(), {kPermConsistentRead, kPermAll}, "the test"));
    return Unit{};
  }

  WorkerPool workers_{2};
  std::unique_ptr<AioContext> loop_;

 public:
  BlockGraph graph;
  BlockRef image;
  MemoryFile* file = nullptr;
};

// A folder that goes away with the test.
class Folder {
 public:
  Folder() {
    std::string path = (std::filesystem::temp_directory_path() / "fusebay-qcow2-XXXXXX").string();
    CHECK(::mkdtemp(path.data()) != nullptr);
    path_ = path;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }
  std::string Write(const std::string& name, const std::vector<std::byte>& bytes) const {
    std::ofstream out(*this / name, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
    CHECK(out.good());
    return *this / name;
  }

 private:
  std::string path_;
};

}  // namespace fusebay::qcow2::test
