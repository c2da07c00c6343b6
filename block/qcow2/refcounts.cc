// Reads and changes refcounts through the slice cache; new blocks and larger tables are put on disk
// in an order that a power cut cannot hurt (docs/formats/qcow2.md, "Writing").
#include "qcow2/refcounts.h"

#include <algorithm>
#include <bit>

#include "base/align.h"
#include "core/aio_context.h"
#include "qcow2/header_update.h"
#include "qcow2/qcow2_io.h"
#include "qcow2/qcow2_refcount_bits.h"

namespace fusebay::qcow2 {

namespace {

std::uint32_t SliceBytes(const Header& header) {
  return std::min(header.cluster_size(), Refcounts::kSliceBytes);
}

std::size_t CacheSlices(const Header& header, std::uint64_t cache_bytes) {
  const std::uint64_t bytes = cache_bytes == 0 ? Refcounts::kDefaultCacheBytes : cache_bytes;
  return std::max<std::uint64_t>(bytes / SliceBytes(header), Refcounts::kMinCacheSlices);
}

std::uint32_t Log2OfRefcounts(std::uint32_t bytes, std::uint32_t order) {
  return static_cast<std::uint32_t>(std::countr_zero(bytes)) + 3 - order;
}

}  // namespace

Refcounts::Refcounts(const BlockRef& file, Header& header, MetadataPlaces& places,
                     std::vector<std::uint64_t> table, std::uint64_t cache_bytes)
    : file_(file),
      header_(header),
      places_(places),
      order_(header.refcount_order),
      block_bits_(Log2OfRefcounts(header.cluster_size(), order_)),
      slice_bits_(Log2OfRefcounts(SliceBytes(header), order_)),
      table_(std::move(table)),
      source_(file),
      cache_(source_, SliceBytes(header), CacheSlices(header, cache_bytes)) {}

std::uint64_t Refcounts::max_refcount() const { return MaxRefcount(order_); }

bool Refcounts::IsCovered(std::uint64_t cluster) const {
  const std::uint64_t index = cluster >> block_bits_;
  return index < table_.size() && table_[index] != 0;
}

Refcounts::Part Refcounts::PartOf(std::uint64_t first, std::uint64_t count) const {
  FB_ASSERT(IsCovered(first));
  const std::uint64_t in_block = first & ((std::uint64_t{1} << block_bits_) - 1);
  const std::uint64_t per_slice = std::uint64_t{1} << slice_bits_;
  const std::uint64_t index = in_block & (per_slice - 1);
  return {table_[first >> block_bits_] + (in_block >> slice_bits_) * cache_.block_bytes(), index,
          std::min(count, per_slice - index)};
}

Task<Result<std::uint64_t>> Refcounts::Get(std::uint64_t cluster) {
  if (!IsCovered(cluster)) {
    co_return std::uint64_t{0};
  }
  const Part part = PartOf(cluster, 1);
  CO_ASSIGN(const TableCache::Pin slice, co_await PinSlice(part.key));
  co_return LoadRefcount(slice.data(), part.index, order_);
}

Task<Result<std::uint64_t>> Refcounts::FreeRun(std::uint64_t first, std::uint64_t limit) {
  return RunOf(first, limit, false);
}

Task<Result<std::uint64_t>> Refcounts::UsedRun(std::uint64_t first, std::uint64_t limit) {
  return RunOf(first, limit, true);
}

Task<Result<std::uint64_t>> Refcounts::RunOf(std::uint64_t first, std::uint64_t limit, bool used) {
  std::uint64_t run = 0;
  if (!IsCovered(first)) {
    const std::uint64_t block_end = ((first >> block_bits_) + 1) << block_bits_;
    co_return used ? 0 : std::min(limit, block_end - first);
  }
  while (run < limit && IsCovered(first + run)) {
    const Part part = PartOf(first + run, limit - run);
    CO_ASSIGN(const TableCache::Pin slice, co_await PinSlice(part.key));
    for (std::uint64_t i = 0; i < part.count; ++i, ++run) {
      if ((LoadRefcount(slice.data(), part.index + i, order_) != 0) != used) {
        co_return run;
      }
    }
  }
  co_return run;
}

Task<Result<TableCache::Pin>> Refcounts::PinSlice(std::uint64_t key) {
  while (true) {
    Result<TableCache::Pin> pin = co_await cache_.Get(key);
    if (pin.ok() || pin.error() != Errno{ENOBUFS}) {
      co_return pin;
    }
    const Result<> written = co_await WriteBack();
    CO_TRY(written);
  }
}

// In any order: a refcount that is too high is a leak at worst, and none is lowered before nothing
// on the disk needs it any more.
Task<Result<>> Refcounts::WriteBack() {
  const std::vector<TableCache::Copy> slices = cache_.CollectDirty();
  const Result<> written = co_await WriteSlices(file_, slices);
  cache_.Settle(written.ok());
  co_return written;
}

Task<Result<>> Refcounts::Increase(std::uint64_t first, std::uint64_t count) {
  while (count > 0) {
    const Part part = PartOf(first, count);
    CO_ASSIGN(const TableCache::Pin slice, co_await PinSlice(part.key));
    cache_.MarkDirty(slice);
    for (std::uint64_t i = part.index; i < part.index + part.count; ++i) {
      const std::uint64_t old = LoadRefcount(slice.data(), i, order_);
      if (old == max_refcount()) {
        co_return Errno{ERANGE};
      }
      StoreRefcount(slice.mutable_data(), i, order_, old + 1);
    }
    first += part.count;
    count -= part.count;
  }
  co_return Ok();
}

Task<Result<>> Refcounts::Decrease(std::uint64_t first, std::uint64_t count) {
  while (count > 0) {
    if (!IsCovered(first)) {
      co_return Errno{EIO};
    }
    const Part part = PartOf(first, count);
    CO_ASSIGN(const TableCache::Pin slice, co_await PinSlice(part.key));
    cache_.MarkDirty(slice);
    for (std::uint64_t i = 0; i < part.count; ++i) {
      const std::uint64_t old = LoadRefcount(slice.data(), part.index + i, order_);
      if (old == 0) {
        co_return Errno{EIO};
      }
      StoreRefcount(slice.mutable_data(), part.index + i, order_, old - 1);
    }
    first += part.count;
    count -= part.count;
  }
  co_return Ok();
}

// The block is on disk before the table names it, and counts itself.
Task<Result<>> Refcounts::AddBlock(std::uint64_t cluster) {
  FB_ASSERT(!IsCovered(cluster) && !NeedsGrowth(cluster));
  const std::uint64_t index = cluster >> block_bits_;
  const std::uint64_t offset = cluster << header_.cluster_bits;
  const Buffer block = AioContext::Current().buffers().Get(header_.cluster_size());
  const IoVec whole = block.vec().First(header_.cluster_size());
  whole.Fill(std::byte{0});
  StoreRefcount(block.data(), cluster & (clusters_per_block() - 1), order_, 1);
  const Result<> written = co_await file_.Write(offset, whole, {});
  CO_TRY(written);
  const Result<> flushed = co_await file_.Flush(FlushMode::kDisk);
  CO_TRY(flushed);
  std::uint64_t entry = 0;
  StoreBe(&entry, offset);
  const iovec iov{&entry, sizeof entry};
  const Result<> named = co_await file_.Write(header_.refcount_table_offset + index * sizeof entry,
                                              IoVec::Of(iov), {});
  CO_TRY(named);
  const Result<> on_disk = co_await file_.Flush(FlushMode::kDisk);
  CO_TRY(on_disk);
  table_[index] = offset;
  places_.Add(offset, header_.cluster_size());
  co_return Ok();
}

bool Refcounts::NeedsGrowth(std::uint64_t cluster) const {
  return cluster >> block_bits_ >= table_.size();
}

Result<Refcounts::Growth> Refcounts::PlanGrowth(std::uint64_t cluster, std::uint64_t run) const {
  const std::uint64_t per_cluster = header_.cluster_size() / sizeof(std::uint64_t);
  Growth growth;
  growth.first = std::uint64_t{table_.size()} << block_bits_;
  growth.blocks = 1;
  while (true) {
    const std::uint64_t end = growth.first + growth.blocks + growth.table_clusters + run;
    const std::uint64_t last = std::max(cluster, end);
    const std::uint64_t entries =
        std::max<std::uint64_t>((last >> block_bits_) + 1, table_.size() + table_.size() / 2);
    const std::uint64_t table_clusters = (entries + per_cluster - 1) / per_cluster;
    const std::uint64_t covered = growth.blocks + table_clusters + run;
    const std::uint64_t blocks = (covered + clusters_per_block() - 1) >> block_bits_;
    if (table_clusters * header_.cluster_size() > kMaxRefcountTableBytes) {
      return Errno{EFBIG};
    }
    if (table_clusters <= growth.table_clusters && blocks <= growth.blocks) {
      return growth;
    }
    growth.table_clusters = std::max(growth.table_clusters, table_clusters);
    growth.blocks = std::max(growth.blocks, blocks);
  }
}

// Everything new is on disk before the header names it; nothing old has been changed until then.
Task<Result<>> Refcounts::Grow(Growth growth) {
  const std::uint64_t cluster_size = header_.cluster_size();
  std::vector<std::uint64_t> table = table_;
  for (std::uint64_t i = 0; i < growth.blocks; ++i) {
    table.push_back((growth.first + i) << header_.cluster_bits);
  }
  table.resize(growth.table_clusters * cluster_size / sizeof(std::uint64_t), 0);
  const Result<> written = co_await WriteGrown(growth, table);
  CO_TRY(written);
  const std::uint64_t old_offset = header_.refcount_table_offset;
  const std::uint64_t old_clusters = header_.refcount_table_clusters;
  const std::uint64_t offset = (growth.first + growth.blocks) << header_.cluster_bits;
  const Result<> named = co_await WriteRefcountTablePlace(
      file_, header_, offset, static_cast<std::uint32_t>(growth.table_clusters));
  CO_TRY(named);
  table_ = std::move(table);
  places_.Add(growth.first << header_.cluster_bits,
              (growth.blocks + growth.table_clusters) * cluster_size);
  places_.Remove(old_offset, old_clusters * cluster_size);
  const Result<> given_back = co_await Decrease(old_offset >> header_.cluster_bits, old_clusters);
  co_return given_back;
}

Task<Result<>> Refcounts::WriteGrown(const Growth& growth,
                                     const std::vector<std::uint64_t>& table) {
  const std::uint64_t cluster_size = header_.cluster_size();
  const std::uint64_t used = growth.blocks + growth.table_clusters;
  const Buffer block = AioContext::Current().buffers().Get(cluster_size);
  const IoVec whole = block.vec().First(cluster_size);
  for (std::uint64_t i = 0; i < growth.blocks; ++i) {
    whole.Fill(std::byte{0});
    const std::uint64_t before = std::min(used, i << block_bits_);
    const std::uint64_t counted = std::min(used - before, clusters_per_block());
    for (std::uint64_t c = 0; c < counted; ++c) {
      StoreRefcount(block.data(), c, order_, 1);
    }
    const Result<> written =
        co_await file_.Write((growth.first + i) << header_.cluster_bits, whole, {});
    CO_TRY(written);
  }
  std::vector<std::uint64_t> entries = table;
  for (std::uint64_t& entry : entries) {
    StoreBe(&entry, std::uint64_t{entry});
  }
  const iovec iov{entries.data(), entries.size() * sizeof(std::uint64_t)};
  const Result<> written = co_await file_.Write(
      (growth.first + growth.blocks) << header_.cluster_bits, IoVec::Of(iov), {});
  CO_TRY(written);
  const Result<> flushed = co_await file_.Flush(FlushMode::kDisk);
  co_return flushed;
}

Task<Result<>> Refcounts::SliceSource::Load(std::uint64_t key, MutableByteSpan dst) {
  const iovec iov{dst.data(), dst.size()};
  const Result<> read = co_await ReadOrZero(file_, key, IoVec::Of(iov));
  co_return read;
}

}  // namespace fusebay::qcow2
