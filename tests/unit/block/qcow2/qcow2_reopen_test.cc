// An open qcow2 image with other options; what it says about its backing file.
#include "block/live_reopen.h"
#include "writable_disk.h"

namespace fusebay::qcow2::test {

namespace {

// REQUIRES: disk.image is given back where the image becomes read-only.
Result<Unit, Error> Reopen(WritableDisk& disk, bool read_only,
                           std::optional<std::uint64_t> l2_cache = {}) {
  BlockdevOptions options;
  options.driver = "qcow2";
  options.node_name = "image";
  options.read_only = read_only;
  Qcow2Options own;
  own.file.node_name = "file";
  own.caches.l2_cache_size = l2_cache;
  own.no_backing = true;
  options.driver_options = std::move(own);
  std::vector<BlockdevOptions> all;
  all.push_back(std::move(options));
  return disk.Run(ReopenNodes(disk.graph, std::move(all)));
}

void Write(WritableDisk& disk, std::uint64_t offset, std::string text) {
  const iovec iov{text.data(), text.size()};
  CHECK_OK(disk.Run(disk.image.Write(offset, IoVec::Of(iov), {})));
}

// Changes the header behind the image's back.
void SetIncompatible(WritableDisk& disk, std::uint64_t features) {
  std::uint64_t value = 0;
  StoreBe(&value, features);
  const iovec iov{&value, sizeof value};
  CHECK_OK(disk.Run(disk.Use("file").Write(kAtIncompatible, IoVec::Of(iov), {})));
}

}  // namespace

TEST(WhatWasWrittenIsThereInEveryState) {
  WritableDisk disk{ImageBuilder()};
  Write(disk, 0, "one");
  CHECK_OK(Reopen(disk, false, 4096));
  CHECK_EQ(ReadText(disk, disk.image, 0, 3), "one");
  Write(disk, 600 << 10, "two");
  disk.image = BlockRef();
  CHECK_OK(Reopen(disk, true));
  CHECK_OK(Reopen(disk, false));
  disk.image = disk.Use("image");
  CHECK_EQ(ReadText(disk, disk.image, 600 << 10, 3), "two");
  Write(disk, 0, "three");
  CHECK_EQ(ReadText(disk, disk.image, 0, 5), "three");
}

TEST(ACorruptImageStaysReadOnly) {
  WritableDisk disk{ImageBuilder()};
  CHECK_OK(disk.Close());
  SetIncompatible(disk, kIncompatibleCorrupt);
  BlockdevOptions options;
  options.driver = "qcow2";
  options.node_name = "image";
  options.read_only = true;
  Qcow2Options own;
  own.file.node_name = "file";
  options.driver_options = std::move(own);
  CHECK_OK(disk.Run(disk.graph.Open(options)));
  CHECK_MESSAGE(Reopen(disk, false), "marked as corrupt");
  CHECK(disk.graph.Find("image")->read_only());
}

TEST(AnImageThatWasNotClosedIsRepairedFirst) {
  WritableDisk disk{ImageBuilder()};
  CHECK_OK(disk.Close());
  SetIncompatible(disk, kIncompatibleDirty);
  BlockdevOptions options;
  options.driver = "qcow2";
  options.node_name = "image";
  options.read_only = true;
  Qcow2Options own;
  own.file.node_name = "file";
  options.driver_options = std::move(own);
  CHECK_OK(disk.Run(disk.graph.Open(options)));
  CHECK_OK(Reopen(disk, false));
  CHECK(!disk.Run(disk.graph.Find("image")->Info())->dirty);
}

TEST(ASnapshotIsNeverWritten) {
  WritableDisk disk{WithSnapshot()};
  CHECK_OK(disk.Close());
  const auto options = [](bool read_only, bool auto_read_only) {
    BlockdevOptions image;
    image.driver = "qcow2";
    image.node_name = "image";
    image.read_only = read_only;
    image.auto_read_only = auto_read_only;
    Qcow2Options own;
    own.file.node_name = "file";
    own.snapshot = "old";
    image.driver_options = std::move(own);
    return image;
  };
  const auto reopen = [&](bool auto_read_only) {
    std::vector<BlockdevOptions> all;
    all.push_back(options(false, auto_read_only));
    return disk.Run(ReopenNodes(disk.graph, std::move(all)));
  };
  CHECK_OK(disk.Run(disk.graph.Open(options(true, false))));
  CHECK_MESSAGE(reopen(false), "a snapshot cannot be written");
  CHECK_OK(reopen(true));
  CHECK(disk.graph.Find("image")->read_only());
}

}  // namespace fusebay::qcow2::test
