// Image: an opened qcow2 image, before it becomes a node: header, tables in memory, children.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "block/block_driver.h"
#include "block/corruption.h"
#include "qcow2/cache_sizes.h"
#include "qcow2/qcow2_header.h"
#include "qcow2/qcow2_snapshot.h"

namespace fusebay::qcow2 {

struct Image {
  std::string filename;  // for messages
  std::string path;      // absolute; empty: as filename says
  Header header;
  BlockRef file;
  BlockRef data_file;  // nothing: data is in `file`
  BlockRef backing;    // nothing: what is unallocated reads as zeroes
  std::string full_backing_name;
  std::vector<Snapshot> snapshots;
  std::vector<BitmapInfo> bitmaps;
  // Of the image, or of the snapshot that was asked for.
  std::vector<std::uint64_t> l1;
  std::uint64_t virtual_size = 0;
  CacheSizes caches;
  // Much of the file is holes although the image counts it as data, as preallocation=metadata
  // leaves it: then a look into the file tells which data is zeroes.
  bool is_sparse = false;
  std::unique_ptr<CorruptionReporter> reporter;  // null: nobody wants to know

  const BlockRef& data() const { return data_file ? data_file : file; }
  const std::string& place() const { return path.empty() ? filename : path; }
};

// What `info` says, except actual_size. An image is corrupt if it says so, or if reading it has
// shown it.
ImageInfo Describe(const Image& image, bool found_corruption);

}  // namespace fusebay::qcow2
