// What the tests of live changes share: qcow2 images in real files, opened as a management tool
// would, with a node for the file and one for the format.
#pragma once
#include <string>

#include "block/live_node.h"
#include "block/live_reopen.h"
#include "block/live_snapshot.h"
#include "block/qcow2_create.h"
#include "block_fixture.h"

namespace fusebay::test {

// A disk that looks, in each flush, whether an export's requests have to wait for it.
class FlushedNode final : public BlockNode {
 public:
  FlushedNode(std::string name, std::uint64_t size) : BlockNode(std::move(name), "flushed", false) {
    set_size(size);
  }
  const BlockRef* exported = nullptr;
  std::vector<bool> waits;

 private:
  Task<Result<>> DoRead(std::uint64_t, IoVec dst) override {
    dst.Fill(std::byte{0});
    return Ok();
  }
  Task<Result<>> DoFlush(FlushMode) override {
    waits.push_back(exported != nullptr && exported->gate().closed());
    return Ok();
  }
};

class LiveScene {
 public:
  static constexpr std::uint64_t kSize = 1 << 20;

  LiveScene() { ref_loops_[0] = bench.loop.get(); }

  BlockdevOptions FileOptionsOf(const std::string& name, const std::string& path) {
    BlockdevOptions options = fusebay::test::File(path);
    options.node_name = name;
    return options;
  }
  BlockdevOptions ImageOptionsOf(const std::string& name, const std::string& file) {
    BlockdevOptions options;
    options.driver = "qcow2";
    options.node_name = name;
    Qcow2Options own;
    own.file.node_name = file;
    options.driver_options = std::move(own);
    return options;
  }
  // An empty qcow2 image with the nodes "f-NAME" and NAME.
  BlockNode& AddImage(const std::string& name, std::uint64_t size = kSize,
                      const std::string& backing_file = {}) {
    const std::string path = folder.File(name + ".qcow2", std::string_view());
    bench.Open(FileOptionsOf("f-" + name, path));
    Qcow2CreateOptions image;
    image.size = size;
    image.backing_file = backing_file;
    image.backing_format = backing_file.empty() ? "" : "qcow2";
    {
      const BlockRef file = bench.Use(*bench.graph.Find("f-" + name));
      CHECK_OK(bench.Run(CreateQcow2(file, BlockRef(), image)));
    }
    BlockdevOptions options = ImageOptionsOf(name, "f-" + name);
    std::get<Qcow2Options>(options.driver_options).no_backing = true;
    return bench.Open(options);
  }
  FlushedNode& AddFlushed(const std::string& name) {
    auto made = std::make_unique<FlushedNode>(name, kSize);
    FlushedNode& node = *made;
    CHECK_OK(bench.graph.Add(std::move(made)));
    return node;
  }
  BlockNode& Node(const std::string& name) {
    BlockNode* const node = bench.graph.Find(name);
    CHECK(node != nullptr);
    return *node;
  }
  // A use with a gate, as an export has it.
  BlockRef Export(const std::string& name, const PermissionSet& permissions = kWriter) {
    BlockRef ref = bench.Use(Node(name), permissions, "export 'e'");
    ref.UseOn(ref_loops_);
    return ref;
  }
  // The name of the node's child; empty: none.
  std::string ChildOf(const std::string& name, ChildRole role) {
    const BlockRef* const child = Node(name).live()->child(role);
    return child == nullptr || !*child ? std::string() : child->node().node_name();
  }
  Result<Unit, Error> Snapshot(const std::string& node, const std::string& overlay) {
    return bench.Run(TakeSnapshot(bench.graph, node, overlay));
  }
  template <class... T>
  Result<Unit, Error> Reopen(T... options) {
    std::vector<BlockdevOptions> all;
    (all.push_back(std::move(options)), ...);
    return bench.Run(ReopenNodes(bench.graph, std::move(all)));
  }
  void Write(const BlockRef& ref, std::uint64_t offset, std::string text) {
    const iovec iov{text.data(), text.size()};
    CHECK_OK(bench.Run(ref.Write(offset, IoVec::Of(iov), {})));
  }
  std::string Read(const BlockRef& ref, std::uint64_t offset, std::size_t length) {
    std::string text(length, '?');
    const iovec iov{text.data(), text.size()};
    CHECK_OK(bench.Run(ref.Read(offset, IoVec::Of(iov))));
    return text;
  }

  TemporaryFolder folder;
  Bench bench;

 private:
  AioContext* ref_loops_[1];
};

inline BlockdevOptions CompressOver(const std::string& name, const std::string& file) {
  BlockdevOptions options;
  options.driver = "compress";
  options.node_name = name;
  options.driver_options = CompressOptions{.file = {.node_name = file, .definition = nullptr}};
  return options;
}

// Options of "a" and "f-a" as they were opened.
struct Options {
  explicit Options(LiveScene& s)
      : file(s.FileOptionsOf("f-a", s.bench.Run(s.Node("f-a").Info())->filename)),
        image(s.ImageOptionsOf("a", "f-a")) {}
  BlockdevOptions file;
  BlockdevOptions image;
  Qcow2Options& own() { return std::get<Qcow2Options>(image.driver_options); }
};

// Counts what it is told.
class Listener : public BlockObserver {
 public:
  void OnWritten(std::uint64_t, std::uint64_t) override { ++written; }
  void OnResized(std::uint64_t to) override { size = to; }
  int written = 0;
  std::uint64_t size = 0;
};

}  // namespace fusebay::test
