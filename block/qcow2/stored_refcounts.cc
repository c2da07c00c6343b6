// Reads the refcount table and its blocks.
#include "qcow2/stored_refcounts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/align.h"
#include "qcow2/extent_reader.h"
#include "qcow2/qcow2_io.h"
#include "qcow2/qcow2_refcount_bits.h"

namespace fusebay::qcow2 {

// Reads the blocks that the table's entries name, one after the other.
class StoredRefcounts::BlockReader : public ExtentReader {
 public:
  BlockReader(StoredRefcounts& stored, const Header& header, CheckReport& report)
      : stored_(stored), order_(header.refcount_order), report_(report) {
    const std::uint64_t mask = header.cluster_size() - 1;
    for (std::size_t i = 0; i < stored.table_.size() && First(i) < stored.file_clusters_; ++i) {
      const std::uint64_t offset = RefcountBlockAt(stored.table_[i]);
      if ((offset & mask) != 0 || offset > BlockNode::kMaxSize) {
        Unreadable(i, EIO);
      } else if (offset != 0) {
        blocks_.push_back(static_cast<std::uint32_t>(i));
      }
    }
    block_bytes_ = header.cluster_size();
  }
  std::size_t count() const override { return blocks_.size(); }
  Extent At(std::size_t index) const override {
    return {RefcountBlockAt(stored_.table_[blocks_[index]]), block_bytes_};
  }
  Result<> Take(std::size_t index, const Result<ByteSpan>& bytes) override {
    const std::size_t block = blocks_[index];
    if (!bytes.ok()) {
      Unreadable(block, bytes.error().value());
      return Ok();
    }
    const std::uint64_t first = First(block);
    const std::uint64_t end = End(block);
    for (std::uint64_t c = first; c < end; ++c) {
      const std::uint64_t refcount = LoadRefcount(bytes->data(), c - first, order_);
      if (refcount != 0) {
        stored_.counts_.Add(c, refcount);
      }
    }
    return Ok();
  }

 private:
  std::uint64_t clusters() const { return stored_.counts_.clusters(); }
  std::uint64_t First(std::size_t block) const {
    return std::uint64_t{block} << stored_.block_bits_;
  }
  std::uint64_t End(std::size_t block) const { return std::min(First(block + 1), clusters()); }

  void Unreadable(std::size_t block, int cause) {
    const std::uint64_t first = First(block);
    const std::uint64_t end = End(block);
    for (std::uint64_t c = first; c < end; ++c) {
      stored_.unknown_.Insert(c);
    }
    stored_.has_unknown_ = true;
    // The last one of the file is where a region may reach to beyond its end: it does not count.
    const std::uint64_t last = std::min(end, stored_.file_clusters_ - 1);
    if (first < last) {
      report_.CannotCheck(fmt::format("Can't get refcount for clusters {} to {}: {}", first,
                                      last - 1, std::strerror(cause)),
                          last - first);
    }
  }

  StoredRefcounts& stored_;
  const std::uint32_t order_;
  std::uint32_t block_bytes_;
  CheckReport& report_;
  std::vector<std::uint32_t> blocks_;
};

Error TooManyClusters(std::string_view filename, Errno cause) {
  return Error{cause, fmt::format("{}: cannot count references: {}", filename,
                                  cause.value() == EFBIG
                                      ? "the file has too many clusters, or they have too many "
                                        "references"
                                      : std::strerror(cause.value()))};
}

Task<Result<Unit, Error>> StoredRefcounts::Load(const BlockRef& file, const Header& header,
                                                std::uint64_t clusters, std::string_view filename,
                                                CheckReport& report) {
  block_bits_ = RefcountBlockBits(header);
  file_clusters_ = clusters;
  CO_ASSIGN(table_, co_await ReadEntries(file, header.refcount_table_offset,
                                         header.refcount_table_entries(),
                                         TableName{filename, "the refcount table"}));
  has_unknown_ = false;
  const std::uint64_t whole_blocks = AlignUp(clusters, std::uint64_t{1} << block_bits_);
  const std::uint64_t counted = std::max(clusters, std::min(whole_blocks, kMaxCheckedClusters));
  Result<> room = counts_.Reset(counted);
  if (room.ok()) {
    room = unknown_.Reset(counted);
  }
  if (!room.ok()) {
    co_return TooManyClusters(filename, room.error());
  }
  BlockReader blocks(*this, header, report);
  const Result<> loaded = co_await ReadExtents(file, blocks);
  FB_ASSERT(loaded.ok());
  if (counts_.exhausted()) {
    co_return TooManyClusters(filename, Errno{EFBIG});
  }
  co_return Unit{};
}

}  // namespace fusebay::qcow2
