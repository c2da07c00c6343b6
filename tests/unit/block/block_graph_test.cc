// BlockGraph: names, children, who is busy, and closing.
#include "block_fixture.h"
#include "core/scope.h"

namespace fusebay::test {

namespace {

BlockdevOptions Memory(const std::string& name, std::uint64_t size = 1 << 20) {
  BlockdevOptions options;
  options.driver = "memory";
  options.node_name = name;
  options.driver_options = MemoryOptions{.size = size};
  return options;
}

BlockdevOptions RawOver(BlockdevOptions file, const std::string& name) {
  BlockdevOptions options;
  options.driver = "raw";
  options.node_name = name;
  RawOptions own;
  own.file.definition = std::make_unique<BlockdevOptions>(std::move(file));
  options.driver_options = std::move(own);
  return options;
}

}  // namespace

TEST(ANodeIsFoundByItsName) {
  Bench bench;
  BlockNode& node = bench.Open(Memory("disk", 4096));
  CHECK(bench.graph.Find("disk") == &node);
  CHECK(bench.graph.Find("other") == nullptr);
  CHECK_EQ(node.size(), 4096u);
}

TEST(ANameIsMadeUpWhereNoneIsGiven) {
  Bench bench;
  CHECK_EQ(bench.Open(Memory("")).node_name(), "#block1");
  CHECK_EQ(bench.Open(Memory("")).node_name(), "#block2");
}

TEST(TwoNodesWithOneNameAreRefused) {
  Bench bench;
  bench.Open(Memory("disk"));
  CHECK_MESSAGE(bench.TryOpen(Memory("disk")), "Duplicate nodes with node-name='disk'");
}

TEST(AChildMayNotHaveTheNameOfItsParent) {
  Bench bench;
  CHECK_MESSAGE(bench.TryOpen(RawOver(Memory("disk"), "disk")),
                "Duplicate nodes with node-name='disk'");
  CHECK(bench.graph.nodes().empty());
}

TEST(OddNamesAreRefused) {
  Bench bench;
  for (const char* const name : {"1a", "#block7", "a b", "a/b", "-"}) {
    CHECK_MESSAGE(bench.TryOpen(Memory(name)), std::string("Invalid node-name: '") + name + "'");
  }
  CHECK_OK(bench.TryOpen(Memory("a1-._Z")));
}

TEST(AnUnknownDriverIsRefused) {
  Bench bench;
  BlockdevOptions options;
  options.driver = "nfs";
  CHECK_MESSAGE(bench.TryOpen(options), "Unknown driver 'nfs'");
}

TEST(ZeroesMayUnmapOnlyWhereDiscardsMay) {
  Bench bench;
  bench.AddFake("f", 512);
  BlockdevOptions options = Raw("f");
  options.detect_zeroes = DetectZeroes::kUnmap;
  CHECK_MESSAGE(bench.TryOpen(options),
                "setting detect-zeroes to unmap is not allowed without setting discard operation "
                "to unmap");
  options.discard_unmap = true;
  CHECK_OK(bench.TryOpen(options));
}

TEST(AMissingChildIsNamed) {
  Bench bench;
  CHECK_MESSAGE(bench.TryOpen(Raw("nobody")), "Cannot find device='nobody' nor node-name='nobody'");
}

TEST(AChildIsOpenedAndClosedWithItsParent) {
  Bench bench;
  bench.Open(RawOver(Memory("below"), "disk"));
  CHECK_EQ(bench.graph.nodes().size(), 2u);
  CHECK_OK(bench.Run(bench.graph.Remove("disk")));
  CHECK(bench.graph.nodes().empty());
}

TEST(AChildThatHasItsOwnUserStays) {
  Bench bench;
  bench.Open(RawOver(Memory("below"), "disk"));
  const BlockRef user = bench.Use(*bench.graph.Find("below"), kReader);
  CHECK_OK(bench.Run(bench.graph.Remove("disk")));
  CHECK(bench.graph.Find("below") != nullptr);
}

TEST(AFailedOpenLeavesNothing) {
  Bench bench;
  BlockdevOptions options = RawOver(Memory("below", 100), "disk");
  std::get<RawOptions>(options.driver_options).offset = 101;
  CHECK_MESSAGE(bench.TryOpen(options), "Offset (101) cannot be greater than");
  CHECK(bench.graph.nodes().empty());
}

TEST(AUsedNodeIsNotRemoved) {
  Bench bench;
  const BlockRef user = bench.Use(bench.Open(Memory("disk")), kReader, "export 'e'");
  CHECK_MESSAGE(bench.Run(bench.graph.Remove("disk")), "Node disk is in use");
}

TEST(ANodeBelowAnotherIsNotRemoved) {
  Bench bench;
  bench.Open(RawOver(Memory("below"), "disk"));
  CHECK_MESSAGE(bench.Run(bench.graph.Remove("below")), "Node below is not owned by the monitor");
  BlockNode& file = bench.Open(Memory("own"));
  BlockdevOptions raw = Raw(file.node_name());
  raw.node_name = "top";
  bench.Open(raw);
  CHECK_MESSAGE(bench.Run(bench.graph.Remove("own")), "Block device own is in use");
}

TEST(RemovingNobodyIsAnError) {
  Bench bench;
  CHECK_MESSAGE(bench.Run(bench.graph.Remove("x")), "Failed to find node with node-name='x'");
  CHECK_MESSAGE(bench.graph.Use("x", kReader, "me"), "Failed to find node with node-name='x'");
}

TEST(AConflictNamesTheOtherUser) {
  Bench bench;
  BlockNode& node = bench.Open(Memory("disk"));
  const BlockRef vm = bench.Use(node, {.used = kPermWrite, .shared = kPermConsistentRead}, "VM 1");
  CHECK_MESSAGE(
      bench.graph.Use("disk", kWriter, "VM 2"),
      "Permission conflict on node 'disk': permissions 'write, resize' are both required by VM 2 "
      "(uses node 'disk' as 'root' child) and unshared by VM 1 (uses node 'disk' as 'root' "
      "child).");
  CHECK_MESSAGE(bench.graph.Use("disk", {.used = 0, .shared = kPermConsistentRead}, "backup"),
                "permissions 'write' are both required by VM 1 (uses");
  CHECK_OK(bench.graph.Use("disk", kReader, "reader"));
}

TEST(ZeroesAreUnmappedOnlyWhereDiscardsAre) {
  Bench bench;
  BlockdevOptions options = Memory("disk");
  options.detect_zeroes = DetectZeroes::kUnmap;
  CHECK_MESSAGE(bench.TryOpen(options), "setting detect-zeroes to unmap is not allowed");
}

TEST(AReadOnlyNodeHasNoWriters) {
  Bench bench;
  BlockdevOptions options = Memory("disk");
  options.read_only = true;
  bench.Open(options);
  CHECK_MESSAGE(bench.graph.Use("disk", kWriter, "me"), "Block node is read-only");
}

TEST(ARefusedUseLeavesNoTrace) {
  Bench bench;
  FakeNode& node = bench.AddFake("n", 512);
  node.permission_answer = Error{Errno{EAGAIN}, "locked"};
  CHECK_MESSAGE(bench.graph.Use("n", kWriter, "me"), "locked");
  node.permission_answer = Unit{};
  CHECK_OK(bench.graph.Use("n", {.used = kPermWrite, .shared = 0}, "me"));
}

TEST(CloseAllClosesParentsFirst) {
  Bench bench;
  bench.Open(RawOver(Memory("a"), "b"));
  bench.Open(Memory("c"));
  CHECK_OK(bench.Run(bench.graph.CloseAll()));
  CHECK(bench.graph.nodes().empty());
}

TEST(CloseAllSaysWhoIsLeft) {
  Bench bench;
  const BlockRef user = bench.Use(bench.Open(Memory("disk")), kReader, "export 'e'");
  CHECK_MESSAGE(bench.Run(bench.graph.CloseAll()), "Node disk is in use");
}

TEST(AFlushThatFailsAtTheEndIsReported) {
  Bench bench;
  bench.AddFake("n", 512).close_answer = Errno{EIO};
  CHECK_MESSAGE(bench.Run(bench.graph.Remove("n")), "Could not close node 'n': Input/output error");
  CHECK(bench.graph.nodes().empty());
}

namespace {

// A disk whose closing takes until it is let go on.
class SlowToClose final : public BlockNode {
 public:
  explicit SlowToClose(CoEvent& go_on) : BlockNode("slow", "slow", false), go_on_(go_on) {
    set_size(512);
  }

 private:
  Task<Result<>> DoRead(std::uint64_t, IoVec) override { return Ok(); }
  Task<Result<>> DoClose() override {
    co_await go_on_.Wait();
    co_return Ok();
  }
  CoEvent& go_on_;
};

Task<Unit> RemoveSlow(BlockGraph& graph, bool& removed) {
  const Result<Unit, Error> r = co_await graph.Remove("slow");
  removed = r.ok();
  co_return Unit{};
}

Task<Unit> TryWhileItCloses(BlockGraph& graph) {
  CoEvent go_on;
  CHECK_OK(graph.Add(std::make_unique<SlowToClose>(go_on)));
  TaskScope scope;
  bool removed = false;
  scope.Spawn(RemoveSlow(graph, removed));
  CHECK(graph.Find("slow") == nullptr);
  CHECK(graph.nodes().empty());
  CHECK_MESSAGE(graph.Use("slow", kReader, "me"), "Failed to find node with node-name='slow'");
  CHECK_MESSAGE(graph.Add(std::make_unique<SlowToClose>(go_on)),
                "Duplicate nodes with node-name='slow'");
  go_on.Set();
  co_await scope.Join();
  CHECK(removed);
  co_return Unit{};
}

}  // namespace

TEST(ANodeThatIsClosingIsNotFoundAndKeepsItsName) {
  Bench bench;
  bench.Run(TryWhileItCloses(bench.graph));
  CHECK_OK(bench.TryOpen(Memory("slow")));
}

TEST(AChainMayNotBeTooLong) {
  Bench bench;
  BlockdevOptions options = Memory("");
  for (unsigned i = 0; i <= BlockGraph::kMaxDepth; ++i) {
    options = RawOver(std::move(options), "");
  }
  CHECK_MESSAGE(bench.TryOpen(options), "The chain of images is longer than 200");
  CHECK(bench.graph.nodes().empty());
}

}  // namespace fusebay::test
