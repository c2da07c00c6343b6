// Who is below whom.
#include "graph_internal.h"
#include "live_fixture.h"

namespace fusebay::test {

namespace {

struct Scene {
  Scene() {
    live.AddImage("a");
    live.AddImage("o");
    CHECK_OK(live.Snapshot("a", "o"));
  }
  const NodeEntry& Entry(const std::string& name) {
    const NodeEntry* const entry = live.bench.graph.impl().Find(name);
    CHECK(entry != nullptr);
    return *entry;
  }
  LiveScene live;
};

}  // namespace

TEST(ChildrenAreFoundByRole) {
  Scene s;
  const BlockGraph::Impl& graph = s.live.bench.graph.impl();
  CHECK(graph.ChildOf(s.Entry("o"), ChildRole::kBacking) == &s.Entry("a"));
  CHECK(graph.ChildOf(s.Entry("o"), ChildRole::kFile) == &s.Entry("f-o"));
  CHECK(graph.ChildOf(s.Entry("o"), ChildRole::kDataFile) == nullptr);
  CHECK(graph.ChildOf(s.Entry("f-o"), ChildRole::kFile) == nullptr);
}

TEST(ReachesLooksThroughTheWholeChain) {
  Scene s;
  const BlockGraph::Impl& graph = s.live.bench.graph.impl();
  CHECK(graph.Reaches(s.Entry("o"), s.Entry("f-a")));
  CHECK(graph.Reaches(s.Entry("o"), s.Entry("o")));
  CHECK(!graph.Reaches(s.Entry("a"), s.Entry("o")));
  CHECK_EQ(graph.HeightOf(s.Entry("o")), 2u);
  CHECK_EQ(graph.HeightOf(s.Entry("f-o")), 0u);
}

TEST(AFilterHidesNothing) {
  Scene s;
  s.live.AddImage("n");
  s.live.bench.Open(CompressOver("c", "n"));
  const BlockGraph::Impl& graph = s.live.bench.graph.impl();
  CHECK(graph.ChildOf(s.Entry("c"), ChildRole::kFile) == &s.Entry("n"));
  CHECK_EQ(graph.HeightOf(s.Entry("c")), 2u);
  CHECK_MESSAGE(s.live.Snapshot("c", "n"),
                "Making 'c' a backing child of 'n' would create a cycle");
  BlockdevOptions n = s.live.ImageOptionsOf("n", "f-n");
  std::get<Qcow2Options>(n.driver_options).backing.node_name = "c";
  CHECK_MESSAGE(s.live.Reopen(std::move(n)),
                "Making 'c' a backing child of 'n' would create a cycle");
}

TEST(RolesHaveQemusNames) {
  CHECK_EQ(NameOf(ChildRole::kFile), "file");
  CHECK_EQ(NameOf(ChildRole::kDataFile), "data-file");
}

}  // namespace fusebay::test
