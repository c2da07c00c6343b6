// What the tests of the file driver share: every way of doing I/O, and nodes over an fd.
#pragma once
#include "block_fixture.h"
#include "file/file_node.h"
#include "sim_engine.h"

namespace fusebay::test {

// One way to open a file.
struct Way {
  std::optional<EngineKind> loop;  // what the loop waits in
  std::optional<EngineKind> aio;
  bool direct = false;
};

// Calls fn(way) for each way this machine has.
template <class F>
void ForEachWay(F fn) {
  using enum EngineKind;
  for (const Way& way :
       {Way{kIoUring, {}, false}, Way{kIoUring, kIoUring, false}, Way{kIoUring, kThreads, false},
        Way{kThreads, {}, false}, Way{kThreads, kIoUring, false}, Way{kIoUring, {}, true},
        Way{kIoUring, kNative, true}, Way{kThreads, kNative, true},
        Way{kThreads, kThreads, true}}) {
    fn(way);
  }
}

inline BlockdevOptions FileBy(const Way& way, const std::string& path) {
  BlockdevOptions options = File(path);
  options.cache.direct = way.direct;
  options.discard_unmap = true;
  std::get<FileOptions>(options.driver_options).aio = way.aio;
  return options;
}

// A file on a simulated disk as a node, on a simulated loop.
struct SimScene {
  explicit SimScene(std::uint64_t size, const SimOptions& options = {})
      : disk(Seed(), options), file(disk.AddFile(size)) {
    FileConfig config;
    config.node_name = "f";
    config.filename = "simulated";
    config.try_inline = false;
    config.discard_unmap = true;
    config.size = size;
    CHECK_OK(graph.Add(std::make_unique<FileNode>(config, disk.Open(file), UniqueFd())));
    Result<BlockRef, Error> used = graph.Use("f", kWriter, "the test");
    CHECK_OK(used);
    ref = std::move(*used);
  }
  ~SimScene() {
    ref = BlockRef();
    static_cast<void>(Run(graph.CloseAll()).ok());
  }
  template <class T>
  T Run(Task<T> task) {
    return loop->RunUntilDone(std::move(task));
  }
  Result<> Write(std::uint64_t offset, const Data& data, WriteFlags flags = {}) {
    return Run(ref.Write(offset, data.vec(), flags));
  }
  Data Read(std::uint64_t offset, std::size_t length) {
    Data data(length, std::byte{0xee});
    CHECK_OK(Run(ref.Read(offset, data.vec())));
    return data;
  }

  WorkerPool workers{1};
  SimDisk disk;
  SimFile file;
  std::unique_ptr<AioContext> loop = MakeSimLoop(disk, workers);
  BlockGraph graph;
  BlockRef ref;
};

}  // namespace fusebay::test
