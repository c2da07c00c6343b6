// A small qcow2 image in memory, opened for writing: 64 KiB clusters, 1 MiB, unless a test says
// otherwise. What is on the "disk" is what the file in memory has.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "block/block_graph.h"
#include "check.h"
#include "core/aio_context.h"
#include "image_builder.h"
#include "qcow2/qcow2_refcount_bits.h"
#include "qcow2_fixture.h"

namespace fusebay::qcow2::test {

// Of an image whose shape the test leaves alone.
inline constexpr std::uint64_t kCluster = 64 * kKiB;

inline std::string Of(char value, std::size_t count) { return std::string(count, value); }

// The image with refcounts that are right: one for each of its clusters.
inline ImageBuilder Counted(ImageBuilder image) {
  const std::uint64_t cluster = image.cluster();
  const std::uint64_t clusters = (image.bytes().size() + cluster - 1) / cluster;
  image.Set64(cluster, 2 * cluster);
  for (std::uint64_t i = 0; i < clusters; ++i) {
    StoreRefcount(image.bytes().data() + 2 * cluster, i, 4, 1);
  }
  image.Cut(clusters * cluster);
  return image;
}

// A loop with a graph, and files in memory that may be written.
class MemoryFiles {
 public:
  MemoryFiles() : loop_(Disk::MakeLoop(workers_)) {}
  ~MemoryFiles() { static_cast<void>(Run(graph.CloseAll()).ok()); }

  template <class T>
  T Run(Task<T> task) {
    return loop_->RunUntilDone(std::move(task));
  }
  void AddFile(const std::string& name, const std::vector<std::byte>& bytes) {
    BlockdevOptions options;
    options.driver = "memory";
    options.node_name = name;
    options.read_only = false;
    options.driver_options = MemoryOptions{.size = bytes.size()};
    CHECK_OK(Run(graph.Open(options)));
    const BlockRef ref = Use(name);
    const iovec iov{const_cast<std::byte*>(bytes.data()), bytes.size()};
    CHECK_OK(Run(ref.Write(0, IoVec::Of(iov), {})));
  }
  // A user of the node who shares it with everybody.
  BlockRef Use(const std::string& name) {
    auto ref =
        graph.Use(name, {kPermConsistentRead | kPermWrite | kPermResize, kPermAll}, "a test");
    CHECK_OK(ref);
    return std::move(*ref);
  }
  AioContext& loop() { return *loop_; }

 private:
  WorkerPool workers_{2};
  std::unique_ptr<AioContext> loop_;

 public:
  BlockGraph graph;
};

inline std::string ReadText(MemoryFiles& files, const BlockRef& ref, std::uint64_t offset,
                            std::size_t length) {
  std::string bytes(length, '?');
  const iovec iov{bytes.data(), bytes.size()};
  CHECK_OK(files.Run(ref.Read(offset, IoVec::Of(iov))));
  return bytes;
}

class WritableDisk : public MemoryFiles {
 public:
  static constexpr std::uint64_t kDataFileBytes = 100;  // of an external data file, at first

  explicit WritableDisk(const ImageBuilder& image, const std::string& backing = {})
      : cluster_(image.cluster()) {
    AddFile("file", Counted(image).bytes());
    if (!backing.empty()) {
      std::vector<std::byte> bytes(backing.size());
      std::memcpy(bytes.data(), backing.data(), backing.size());
      AddFile("base", bytes);
      has_backing_ = true;
    }
    if ((LoadBe<std::uint64_t>(image.bytes().data() + kAtIncompatible) & kIncompatibleDataFile) !=
        0) {
      AddFile("data", std::vector<std::byte>(kDataFileBytes));
    }
    Open();
  }
  ~WritableDisk() {
    if (image) {
      CHECK_OK(Close());
    }
  }

  void Open() { CHECK_OK(TryOpen()); }
  Result<Unit, Error> TryOpen() {
    BlockdevOptions options;
    options.driver = "qcow2";
    options.node_name = "image";
    options.read_only = false;
    options.detect_zeroes = detect_zeroes;
    Qcow2Options own;
    own.file.node_name = "file";
    if (has_backing_) {
      own.backing.node_name = "base";
    }
    if (graph.Find("data") != nullptr) {
      own.data_file.node_name = "data";
    }
    options.driver_options = std::move(own);
    FB_TRY(Run(graph.Open(options)));
    image = Use("image");
    return Unit{};
  }
  // Closes the image; the file stays, to be looked at.
  Result<Unit, Error> Close() {
    image = BlockRef();
    return Run(graph.Remove("image"));
  }

  Result<> TryWrite(std::uint64_t offset, std::string text, WriteFlags flags = {}) {
    const iovec iov{text.data(), text.size()};
    return Run(image.Write(offset, IoVec::Of(iov), flags));
  }
  void Write(std::uint64_t offset, const std::string& text) { CHECK_OK(TryWrite(offset, text)); }
  void Zero(std::uint64_t offset, std::uint64_t length, ZeroFlags flags = {}) {
    CHECK_OK(Run(image.WriteZeroes(offset, length, flags)));
  }
  void Discard(std::uint64_t offset, std::uint64_t length) {
    CHECK_OK(Run(image.Discard(offset, length)));
  }
  void Flush() { CHECK_OK(Run(image.Flush(FlushMode::kDisk))); }
  void Truncate(std::uint64_t size, Prealloc prealloc = Prealloc::kOff) {
    CHECK_OK(Run(image.Truncate(size, prealloc)));
  }
  std::string Read(std::uint64_t offset, std::size_t length) {
    return ReadText(*this, image, offset, length);
  }
  BlockStatus Status(std::uint64_t offset) {
    const auto status = Run(image.Status(offset, cluster_));
    CHECK_OK(status);
    return *status;
  }

  // --- The file, as it is now.
  std::string File(std::uint64_t offset, std::size_t length) {
    const auto ref = graph.Use("file", {kPermConsistentRead, kPermAll}, "a look");
    CHECK_OK(ref);
    return ReadText(*this, *ref, offset, length);
  }
  std::uint64_t FileSize() { return graph.Find("file")->size(); }
  std::uint64_t Word(std::uint64_t offset) {
    return LoadBe<std::uint64_t>(File(offset, sizeof(std::uint64_t)).data());
  }
  std::uint64_t L2(std::uint64_t index) {
    return Word(ImageBuilder::kL2Cluster * cluster_ + index * 8);
  }
  // Of host cluster `index`, as the first refcount block has it.
  std::uint64_t Refcount(std::uint64_t index) {
    const std::string block = File(2 * cluster_, cluster_);
    return LoadRefcount(reinterpret_cast<const std::byte*>(block.data()), index, 4);
  }
  std::uint64_t cluster() const { return cluster_; }

  BlockRef image;
  DetectZeroes detect_zeroes = DetectZeroes::kOff;  // from the next Open on

 private:
  const std::uint64_t cluster_;
  bool has_backing_ = false;
};

}  // namespace fusebay::qcow2::test
