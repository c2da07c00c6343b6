// What reaches the file, and when.
#include "qcow2/write_back.h"

#include "writable_disk.h"

namespace fusebay::qcow2::test {
namespace {

TEST(TablesReachTheFileWithAFlush) {
  WritableDisk disk{ImageBuilder()};
  disk.Write(0, "abc");
  CHECK_EQ(disk.L2(0), 0u);
  CHECK_EQ(disk.Refcount(5), 0u);
  disk.Flush();
  CHECK_EQ(disk.L2(0), (5 * kCluster) | kCopied);
  CHECK_EQ(disk.Refcount(5), 1u);
}

TEST(AForcedWriteTakesItsTablesAlong) {
  WritableDisk disk{ImageBuilder()};
  disk.Write(0, "abc");
  CHECK_OK(disk.TryWrite(1, "x", {.fua = true}));
  CHECK_EQ(disk.L2(0), (5 * kCluster) | kCopied);
}

TEST(WhatIsDroppedIsFreeOnlyAfterAFlush) {
  WritableDisk disk(ImageBuilder().Data(0, 0, 'a'));
  disk.Discard(0, kCluster);
  disk.Write(kCluster, "new");
  CHECK_EQ(disk.Status(kCluster).data, true);
  disk.Flush();
  CHECK_EQ(disk.L2(1), (6 * kCluster) | kCopied);
  disk.Write(2 * kCluster, "newer");
  disk.Flush();
  CHECK_EQ(disk.L2(2), (5 * kCluster) | kCopied);
}

TEST(ClosingLeavesNothingBehind) {
  WritableDisk disk(ImageBuilder().Data(0, 0, 'a'));
  disk.Write(3 * kCluster, "abc");
  disk.Discard(0, kCluster);
  CHECK_OK(disk.Close());
  CHECK_EQ(disk.Refcount(5), 0u);
  CHECK_EQ(disk.Refcount(6), 1u);
  CHECK_EQ(disk.L2(0), kReadsAsZeroes);
}

}  // namespace
}  // namespace fusebay::qcow2::test
