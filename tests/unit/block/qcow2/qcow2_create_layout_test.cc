// The plan of a new image: its places do not overlap, and everything is counted.
#include "qcow2/qcow2_create_layout.h"

#include "check.h"
#include "qcow2/qcow2_refcount_bits.h"

namespace fusebay::qcow2 {
namespace {

Header Of(std::uint64_t size, std::uint32_t cluster_bits = 16, std::uint32_t refcount_order = 4) {
  Header header;
  header.version = 3;
  header.cluster_bits = cluster_bits;
  header.refcount_order = refcount_order;
  header.size = size;
  return header;
}

CreateLayout Plan(const Header& header, bool all) {
  const auto layout = PlanImage(header, all);
  CHECK_OK(layout);
  return *layout;
}

std::uint64_t Entry(const CreateLayout& layout, std::uint64_t cluster, std::size_t index) {
  std::vector<std::byte> bytes(layout.cluster_size(), std::byte{0xff});
  FillTableCluster(layout, cluster, bytes);
  return LoadBe<std::uint64_t>(bytes.data() + index * 8);
}

TEST(AnEmptyImageHasFourClusters) {
  const CreateLayout layout = Plan(Of(1 * kMiB), false);
  CHECK_EQ(layout.file_clusters(), 4u);
  CHECK_EQ(Entry(layout, 1, 0), layout.first_block() << 16);
  CHECK_EQ(Entry(layout, layout.first_l1(), 0), 0u);
}

TEST(EveryClusterOfTheFileIsCounted) {
  for (const std::uint32_t order : {0u, 2u, 4u, 6u}) {
    const CreateLayout layout = Plan(Of(8 * kMiB, 9, order), true);
    std::uint64_t counted = 0;
    std::vector<std::byte> block(layout.cluster_size());
    for (std::uint64_t i = 0; i < layout.block_clusters; ++i) {
      FillTableCluster(layout, layout.first_block() + i, block);
      for (std::uint64_t k = 0; k < (layout.cluster_size() * 8 >> order); ++k) {
        counted += LoadRefcount(block.data(), k, order);
      }
    }
    CHECK_EQ(counted, layout.file_clusters());
  }
}

TEST(PreallocatedClustersFollowEachOther) {
  const CreateLayout layout = Plan(Of(1 * kMiB), true);
  CHECK_EQ(layout.data_clusters, 16u);
  CHECK_EQ(Entry(layout, layout.first_l1(), 0), (layout.first_l2() << 16) | kCopied);
  CHECK_EQ(Entry(layout, layout.first_l2(), 0), (layout.first_data() << 16) | kCopied);
  CHECK_EQ(Entry(layout, layout.first_l2(), 15), ((layout.first_data() + 15) << 16) | kCopied);
  CHECK_EQ(Entry(layout, layout.first_l2(), 16), 0u);
}

TEST(ADataFileIsMappedOneToOne) {
  Header header = Of(1 * kMiB);
  header.incompatible |= kIncompatibleDataFile;
  const CreateLayout layout = Plan(header, true);
  CHECK_EQ(layout.file_clusters(), layout.first_data());
  CHECK_EQ(Entry(layout, layout.first_l2(), 3), (std::uint64_t{3} << 16) | kCopied);
}

TEST(TablesHaveALimit) {
  CHECK_MESSAGE(PlanImage(Of(std::uint64_t{1} << 40, 9), false), "The image size is too large");
}

}  // namespace
}  // namespace fusebay::qcow2
