// A FileNode on a simulated disk, as a BlockRef sees it, and data to write to it.
#pragma once
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "block/block_graph.h"
#include "file/file_node.h"
#include "sim_engine.h"
#include "sim_run.h"

namespace fusebay::test {

struct SimShape {
  std::uint64_t size = 64 << 10;
  std::uint32_t alignment = 1;  // above 1: as with O_DIRECT
};

// The disk's options for a node of this alignment.
inline SimOptions DiskOptions(std::uint32_t alignment, double short_io, std::size_t short_unit) {
  SimOptions options;
  options.short_io = short_io;
  options.short_unit = std::max<std::size_t>(alignment, short_unit);
  return options;
}

class SimDevice {
 public:
  SimDevice(std::uint64_t seed, const SimShape& shape, const SimOptions& options)
      : random(seed),
        disk(seed, options),
        file(disk.AddFile(shape.size)),
        loop(MakeSimLoop(disk, workers)),
        alignment_(shape.alignment) {
    Attach();
  }
  ~SimDevice() {
    if (ref) {
      static_cast<void>(Detach());
    }
  }

  template <class T>
  T Run(Task<T> task) {
    return loop->RunUntilDone(std::move(task));
  }

  // Opens the file anew, as a program that starts.
  void Attach() {
    const std::uint64_t size = disk.Visible(file).size();
    FileConfig config;
    config.node_name = "disk";
    config.filename = "simulated";
    config.direct = alignment_ > 1;
    config.discard_unmap = true;
    config.try_inline = false;
    config.size = size;
    config.block_size = alignment_;
    config.memory_alignment = alignment_;
    Result<BlockNode*, Error> added =
        graph.Add(std::make_unique<FileNode>(std::move(config), disk.Open(file), disk.Open(file)));
    CHECK_OK(added);
    Result<BlockRef, Error> used = graph.Use(
        "disk", {.used = kPermConsistentRead | kPermWrite | kPermResize}, "the simulation");
    CHECK_OK(used);
    ref = std::move(*used);
  }
  // Returns what the last flush says.
  Result<Unit, Error> Detach() {
    ref = BlockRef();
    return Run(graph.CloseAll());
  }

  SeededRandom random;
  WorkerPool workers{1};
  SimDisk disk;
  SimFile file;
  std::unique_ptr<AioContext> loop;
  BlockGraph graph;
  BlockRef ref;

 private:
  const std::uint32_t alignment_;
};

// Memory of one request: sometimes aligned and in one piece, sometimes neither.
class Scattered {
 public:
  Scattered(SimDevice& device, std::size_t size, std::byte fill = std::byte{0})
      : buffer_(device.loop->buffers().Get(size + kSlack)),
        begin_(device.random.OneIn(2) ? 0 : device.random.Below(kSlack)),
        size_(size) {
    std::fill_n(data(), size, fill);
    const std::size_t cuts = device.random.OneIn(2) ? 0 : device.random.Below(4);
    std::vector<std::size_t> ends;
    for (std::size_t i = 0; i < cuts; ++i) {
      ends.push_back(device.random.Below(size + 1));
    }
    ends.push_back(size);
    std::sort(ends.begin(), ends.end());
    std::size_t at = 0;
    for (const std::size_t end : ends) {
      pieces_.push_back({data() + at, end - at});
      at = end;
    }
  }
  IoVec vec() const { return {pieces_, 0, size_}; }
  std::byte* data() const { return buffer_.data() + begin_; }
  std::size_t size() const { return size_; }
  std::byte operator[](std::size_t i) const { return data()[i]; }

 private:
  static constexpr std::size_t kSlack = 64;
  Buffer buffer_;
  std::size_t begin_;
  std::size_t size_;
  std::vector<iovec> pieces_;
};

}  // namespace fusebay::test
