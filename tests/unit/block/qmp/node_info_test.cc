// Tests of what the queries tell about nodes.
#include "node_info.h"

#include "qmp_fixture.h"

namespace fusebay::test {
namespace {

TEST(WhatIsNotThereIsLeftOut) {
  NodeInfo node{.node_name = "n", .driver = "raw", .file = "a"};
  node.image = {.filename = "a", .format = "raw", .virtual_size = 7};
  const qapi::BlockDeviceInfo out = ToQapi(node, /*flat=*/false);
  CHECK_EQ(*out.node_name, std::string("n"));
  CHECK_EQ(out.image.virtual_size, 7);
  CHECK(!out.backing_file.has_value() && !out.image.backing_image.has_value());
  CHECK(!out.image.cluster_size.has_value() && !out.image.actual_size.has_value());
  CHECK(!out.image.snapshots.has_value() && !out.image.format_specific.has_value());
}

TEST(AChainIsNestedUnlessFlat) {
  NodeInfo node{.backing_file = "b", .backing_depth = 2};
  node.chain = {{.filename = "b"}, {.filename = "c"}};
  const qapi::BlockDeviceInfo deep = ToQapi(node, /*flat=*/false);
  CHECK_EQ(deep.backing_file_depth, 2);
  CHECK_EQ((*deep.image.backing_image)->filename, std::string("b"));
  CHECK_EQ((*(*deep.image.backing_image)->backing_image)->filename, std::string("c"));
  const qapi::BlockDeviceInfo flat = ToQapi(node, /*flat=*/true);
  CHECK_EQ(flat.backing_file_depth, 0);
  CHECK(!flat.image.backing_image.has_value());
  CHECK_EQ(*flat.backing_file, std::string("b"));
}

TEST(SnapshotsAndBitmapsAreTold) {
  ImageInfo info;
  info.format = "qcow2";
  info.snapshots.push_back({.id = "1", .name = "s", .vm_clock_nsec = 2'000'000'003, .icount = 7});
  info.bitmaps.push_back({.name = "b", .granularity = 65536, .flags = {"auto", "in-use"}});
  const qapi::ImageInfo out = ToQapi(info);
  CHECK_EQ(out.snapshots->at(0).vm_clock_sec, 2);
  CHECK_EQ(out.snapshots->at(0).vm_clock_nsec, 3);
  CHECK_EQ(*out.snapshots->at(0).icount, 7);
  const auto& own = std::get<qapi::ImageInfoSpecificQCow2Wrapper>(out.format_specific->u).data;
  CHECK_EQ(own.bitmaps->at(0).flags.size(), 2u);
  CHECK(own.bitmaps->at(0).flags[0] == qapi::Qcow2BitmapInfoFlags::kAuto);
}

}  // namespace
}  // namespace fusebay::test
